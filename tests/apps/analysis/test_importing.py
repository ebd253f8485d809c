"""Numbers computed elsewhere get the same comparisons, trips and reports as events."""

import csv

import pytest
from django.core.management import CommandError, call_command

from analysis import queries, services
from analysis.models import AnalysisRun, GuardrailTrip, HealthCheck, MetricResult, ReportSnapshot
from analysis.services.importing import import_look
from ledger import jobs
from ledger.models import AuditEvent, Job
from ledger.refusals import Conflict, Refused
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db

ORDERS_ONLY = ("orders",)


def rows(treatment=3.1, errors=1.0, n=4000):
    return [
        {"metric": "orders", "arm": "control", "n": n, "mean": 3.0, "variance": 2.0},
        {"metric": "orders", "arm": "treatment", "n": n, "mean": treatment, "variance": 2.0},
        {"metric": "errors", "arm": "control", "n": n, "mean": 1.0, "variance": 1.0},
        {"metric": "errors", "arm": "treatment", "n": n, "mean": errors, "variance": 1.0},
    ]


@pytest.fixture
def running():
    return world.started(bind=("orders", "errors"), guardrails=("errors",))


def bring(listed, *, days=8, **changes):
    settings = {
        "experiment": world.KEY,
        "actor": "rosa",
        "now": world.at(24 * 30),
        "until": world.at(24 * days),
    }
    return import_look(**{**settings, **changes}, rows=listed)


def aggregates(result):
    """The rows that another tool would have computed from the events behind a result."""
    for arm, moments in result.detail["moments"].items():
        n, [mean], [[comoment]] = moments["n"], moments["mean"], moments["comoment"]
        yield {"metric": "orders", "arm": arm, "n": n, "mean": mean, "variance": comoment / (n - 1)}


def test_import__aggregates_of_events_in_the_store__same_numbers_states_and_verdicts_look_for_look():
    world.started(bind=ORDERS_ONLY)
    world.started("elsewhere", bind=ORDERS_ONLY)
    world.write(*world.traffic(700, lift=0.6))
    for days in (3, 5, 8):
        world.look(hours=24 * days)
        own = MetricResult.objects.get(
            dimension="", run__experiment__key=world.KEY, run__data_cut=world.at(24 * days)
        )
        bring(list(aggregates(own)), experiment="elsewhere", days=days)

        found = MetricResult.objects.get(run__experiment__key="elsewhere", run__data_cut=world.at(24 * days))
        assert (found.state, found.run.snapshot.verdict) == (own.state, own.run.snapshot.verdict)
        assert found.alpha_spent == pytest.approx(own.alpha_spent, rel=1e-9)
        for inference in ("fixed", "always_valid"):
            theirs, ours = (row.detail[inference]["difference"] for row in (found, own))
            assert theirs.keys() == ours.keys()
            for name in {"estimate", "standard_error", "p_value"} & ours.keys():
                assert theirs[name] == pytest.approx(ours[name], rel=1e-9)


def test_import__harm__trip_and_verdict_as_with_events(running):
    bring(rows(errors=1.5))

    assert ReportSnapshot.objects.get().verdict == "ROLL BACK"
    assert GuardrailTrip.objects.get().severity == "confirmed"
    assert AuditEvent.objects.filter(action="analysis.imported").count() == 1


def test_import__nothing_is_known_of_the_events__checks_say_so(running):
    bring(rows())

    status = dict(HealthCheck.objects.values_list("kind", "status"))
    assert (status["data"], status["assignment"], status["split"]) == ("warn", "warn", "ok")
    assert "computed elsewhere" in HealthCheck.objects.get(kind="data").detail


def test_import__same_numbers_again__same_look(running):
    assert bring(rows()) == bring(rows()[::-1])
    assert AnalysisRun.objects.count() == 1


def test_import__look_after_look__history_goes_on(running):
    for days in (3, 5, 8):
        bring(rows(errors=1.0 + days / 100), days=days)

    assert [run.look for run in queries.runs_of_plan(world.KEY, plan_version=1)] == [1, 2, 3]
    with pytest.raises(Conflict, match="forward"):
        bring(rows(), days=4)


def test_import__other_numbers_up_to_the_same_time__conflict_and_the_stored_look_stays(running):
    stored = bring(rows())

    with pytest.raises(Conflict, match="look 1 is at other numbers up to this time"):
        bring(rows(treatment=3.2))

    assert bring(rows()) == stored
    assert bring(rows(treatment=3.2), days=9).look == 2


def test_import__units_of_one_period_only__refused_with_the_arm(running):
    bring(rows(n=4000))

    with pytest.raises(Refused, match="4,000 units in the arm control already") as refused:
        bring(rows(n=900), days=9)

    assert len(refused.value.problems) == 2
    assert bring(rows(n=3700), days=9).look == 2


def test_import__the_store_has_read_its_events__conflict():
    world.started(bind=ORDERS_ONLY)
    world.write(*world.traffic(300))
    world.look(hours=24 * 8)

    with pytest.raises(Conflict, match="look 1 has read the events"):
        bring(rows()[:2], days=9)


def test_schedule__numbers_are_brought__no_look_by_the_clock_gets_in_their_way(running):
    assert services.schedule_looks(now=world.at(24 * 7 + 1)) == 1
    jobs.run(Job.objects.get().id)
    assert AnalysisRun.objects.count() == 0

    bring(rows(), days=6)

    assert services.schedule_looks(now=world.at(24 * 9)) == 0
    with pytest.raises(Conflict, match="computed elsewhere and brought"):
        world.look(hours=24 * 9)
    assert bring(rows(), days=8).look == 2


def test_import__bad_row__nothing_stored(running):
    with pytest.raises(Refused):
        bring([*rows()[:3], {**rows()[3], "variance": -1}])

    assert AnalysisRun.objects.count() == 0


def test_command__csv__look_is_stored_and_the_verdict_printed(running, tmp_path, capsys):
    file = tmp_path / "numbers.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, ("metric", "arm", "n", "mean", "variance"))
        writer.writeheader()
        writer.writerows(rows())

    call_command("import_look", world.KEY, str(file), until="2026-03-10T00:00:00Z", actor="rosa")

    assert "look 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"metric,arm\n", "no rows"),
        (b"\xff\xfe", "UTF-8"),
        (b"metric,arm,n\nx,y\n", "line 2: row"),
        (b"metric,arm,n\nx,y,1\n", "line 2: metric"),
    ],
)
def test_command__bad_file__says_what_is_wrong(running, tmp_path, content, said):
    file = tmp_path / "numbers.csv"
    file.write_bytes(content)

    with pytest.raises(CommandError, match=said):
        call_command("import_look", world.KEY, str(file), until="2026-03-10T00:00:00Z")
