"""Harm: a trip opens once, the flag is held or the experiment stopped exactly once, people settle it."""

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from analysis import queries, services
from analysis.models import AnalysisRun, GuardrailTrip, ReportSnapshot, TripState
from analysis.services import tripping
from experiments import queries as experiments
from experiments import services as experiment_services
from flags import queries as flags
from flags import services as flag_services
from flags.gates import Blocked
from ledger import jobs
from ledger.models import AuditEvent, Job, JobState
from ledger.refusals import Conflict, NotFound, Refused
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db

HARM, CONFIRMED = 0.17, 0.5
NOW = world.at(24 * 30)
LAST_LOOK_HOURS = 24 * 9


def started(**changes):
    """A flag whose arms a running experiment assigns to half of its units."""
    flag_services.create_environment(key="production", is_production=True, actor="ada", now=world.START)
    flag_services.create_flag(key=world.KEY, value_type="bool", actor="ada", now=world.START)
    world.started(assigned_here=True, coverage_ppm=500_000, **changes)


def harmed(slowdown=HARM, *, hours=LAST_LOOK_HOURS, **changes):
    """The trip of a treatment that is slower, after one look."""
    started(**changes)
    world.write(*world.traffic(800, slowdown=slowdown))
    world.look(hours=hours)
    return GuardrailTrip.objects.get()


def act():
    """Do the jobs that trips have written; returns them, read again."""
    found = list(Job.objects.filter(kind=tripping.KIND, state=JobState.QUEUED))
    for job in found:
        jobs.run(job.id)
    return [Job.objects.get(id=job.id) for job in found]


def holds():
    return flags.holds_of(world.KEY, "production")


def audited(action):
    return AuditEvent.objects.filter(action=action, subject=f"experiment:{world.KEY}")


def test_harm__blocking_guardrail__flag_is_held_and_the_experiment_goes_on():
    trip = harmed(HARM)

    [job] = act()

    trip.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert (trip.severity, trip.action, trip.state) == ("harm", "hold", "open")
    assert holds().get().id == trip.hold_id
    assert "latency-p95" in holds().get().reason
    assert experiments.experiment(world.KEY).state == "running"
    assert trip.outcome.endswith("held in production")


def test_harm__beyond_the_margin_with_certainty__experiment_is_stopped_and_its_rule_is_gone():
    trip = harmed(CONFIRMED)

    act()

    trip.refresh_from_db()
    assert (trip.severity, trip.action) == ("confirmed", "roll_back")
    assert experiments.experiment(world.KEY).state == "stopped"
    live = flags.live_version(flags.flag(world.KEY), flags.environment("production"))
    assert live.definition["rules"] == []
    assert holds().count() == 1


def test_harm__verdict_of_the_same_look__roll_back():
    harmed(HARM)

    assert ReportSnapshot.objects.get().verdict == "ROLL BACK"


def test_harm__opened_and_acted__audited_with_the_numbers_that_caused_it():
    trip = harmed(HARM)
    act()

    for action in ("trip.opened", "trip.acted"):
        numbers = audited(action).get().after
        assert {name: numbers[name] for name in ("estimate", "low", "high", "margin")} == {
            "estimate": trip.estimate,
            "low": trip.low,
            "high": trip.high,
            "margin": trip.margin,
        }
        assert numbers["look"] == 1


def test_harm__margin_relative__trip_has_it_in_the_unit_of_the_metric():
    trip = harmed(HARM)

    control = trip.run.results.get(metric="latency-p95", dimension="").detail["control"]["value"]
    assert trip.margin == pytest.approx(0.05 * control)


def test_harm__next_look__same_trip_and_nothing_done_again():
    harmed(HARM, hours=LAST_LOOK_HOURS)
    act()
    world.look(hours=LAST_LOOK_HOURS + 12)

    assert GuardrailTrip.objects.count() == 1
    assert act() == []
    assert audited("trip.acted").count() == 1


def test_harm__becomes_confirmed__same_trip_escalates_and_rolls_back():
    trip = harmed(HARM)
    act()
    confirm(trip)

    act()

    trip.refresh_from_db()
    assert (trip.severity, trip.run.look) == ("confirmed", 2)
    assert experiments.experiment(world.KEY).state == "stopped"
    assert audited("trip.escalated").count() == 1


def confirm(trip):
    """Many slow units arrive, so that the next look is certain."""
    world.write(*world.traffic(1500, seed=2, slowdown=CONFIRMED))
    world.look(hours=LAST_LOOK_HOURS + 12)


def test_act__worker_dies_in_the_middle__nothing_done_and_done_once_by_the_next(monkeypatch):
    harmed(CONFIRMED)
    job = Job.objects.get(kind=tripping.KIND)
    claimed = jobs.claim(job.id, now=timezone.now())

    def die(**named):
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr("experiments.services.stop", die)
        with pytest.raises(SystemExit):
            tripping.act(claimed)
    assert holds().count() == 0
    taken_over = jobs.claim(job.id, now=timezone.now() + jobs.LEASE * 2)
    tripping.act(taken_over)
    with pytest.raises(jobs.LeaseLost):
        tripping.act(claimed)

    assert (holds().count(), audited("trip.acted").count()) == (1, 1)
    assert experiments.experiment(world.KEY).state == "stopped"


def test_act__settled_before__nothing_is_held():
    trip = harmed(HARM)
    services.resolve_trip(trip_id=trip.id, reason="the replay was wrong", actor="emil", now=NOW)

    act()

    assert holds().count() == 0
    assert audited("trip.not_acted").count() == 1


def test_act__arms_assigned_elsewhere__said_and_not_done():
    world.started()
    world.write(*world.traffic(800, slowdown=HARM))
    world.look(hours=LAST_LOOK_HOURS)

    act()

    assert GuardrailTrip.objects.get().outcome == "nothing to hold: another system assigns the arms"


def test_no_effect__no_trip_and_no_job():
    started()
    world.write(*world.traffic(800))
    for hours in (24, 48, 96, LAST_LOOK_HOURS):
        world.look(hours=hours)

    assert AnalysisRun.objects.count() == 4
    assert GuardrailTrip.objects.count() == 0
    assert act() == []


def test_ablation__harm_is_expected__no_trip():
    started(kind="ablation")
    world.write(*world.traffic(800, slowdown=CONFIRMED))
    world.look(hours=LAST_LOOK_HOURS)

    assert GuardrailTrip.objects.count() == 0


def test_data_not_to_be_trusted__harm_beyond_the_margin__held_but_not_rolled_back():
    started()
    world.write(*world.traffic(800, slowdown=CONFIRMED, share=0.7))
    world.look(hours=LAST_LOOK_HOURS)

    act()

    assert ReportSnapshot.objects.get().verdict == "DO NOT USE"
    trip = GuardrailTrip.objects.get()
    assert (trip.severity, trip.action) == ("harm", "hold")
    assert experiments.experiment(world.KEY).state == "running"


def test_settle__acknowledged_then_resolved__hold_is_released_and_who_and_why_are_kept():
    trip = harmed(HARM)
    act()

    services.acknowledge_trip(trip_id=trip.id, actor="rosa", now=NOW)
    assert holds().count() == 1
    services.resolve_trip(trip_id=trip.id, reason="cache was cold", actor="emil", now=NOW)

    trip.refresh_from_db()
    assert (trip.acknowledged_by, trip.settled_by, trip.reason) == ("rosa", "emil", "cache was cold")
    assert holds().count() == 0
    assert [audited(f"trip.{word}").count() for word in ("acknowledged", "resolved")] == [1, 1]


def test_settle__resolved_and_still_harmed_at_the_next_look__stays_settled():
    trip = harmed(HARM)
    services.resolve_trip(trip_id=trip.id, reason="known", actor="emil", now=NOW)

    world.look(hours=LAST_LOOK_HOURS + 1)

    assert list(GuardrailTrip.objects.values_list("state", flat=True)) == [TripState.RESOLVED]


def test_settle__waived_and_then_confirmed__a_new_trip_opens():
    trip = harmed(HARM)
    services.waive_trip(trip_id=trip.id, reason="accepted for a week", actor="pia", now=NOW)

    confirm(trip)

    assert set(GuardrailTrip.objects.values_list("state", "severity")) == {
        ("waived", "harm"),
        ("open", "confirmed"),
    }


@pytest.mark.parametrize("settle", [services.resolve_trip, services.waive_trip])
def test_settle__by_the_owner__refused(settle):
    trip = harmed(HARM)

    with pytest.raises(Refused, match="the owner of an experiment cannot"):
        settle(trip_id=trip.id, reason="fine", actor="rosa", now=NOW)


@pytest.mark.parametrize("settle", [services.resolve_trip, services.waive_trip])
def test_settle__no_reason__refused(settle):
    trip = harmed(HARM)

    with pytest.raises(Refused, match="reason"):
        settle(trip_id=trip.id, reason=" ", actor="pia", now=NOW)
    assert holds().count() == 0


def test_settle__twice__conflict_names_who_did_it():
    trip = harmed(HARM)
    services.waive_trip(trip_id=trip.id, reason="accepted", actor="pia", now=NOW)

    for again in (services.resolve_trip, services.waive_trip):
        with pytest.raises(Conflict, match="pia waived it"):
            again(trip_id=trip.id, reason="again", actor="emil", now=NOW)
    with pytest.raises(NotFound):
        services.resolve_trip(trip_id=trip.id + 1, reason="no", actor="emil", now=NOW)


def test_settled_trip__changed_through_sql__refused_by_the_database():
    trip = harmed(HARM)
    services.waive_trip(trip_id=trip.id, reason="accepted", actor="pia", now=NOW)

    changes = {"margin": 99.0, "metric": "other"}, {"arm": "b"}, {"state": "open"}, {"severity": "confirmed"}
    for change in changes:
        with pytest.raises(DatabaseError), transaction.atomic():
            GuardrailTrip.objects.filter(id=trip.id).update(**change)


def widen(**changes):
    flag_services.publish_experiment_rule(
        environment="production",
        flag=world.KEY,
        experiment=world.KEY,
        arms=[("off", 500_000), ("on", 500_000)],
        actor="emil",
        now=NOW,
        **changes,
    )


def test_gate__open_trip__flag_does_not_open_further_but_closes():
    harmed(HARM)

    with pytest.raises(Blocked) as blocked:
        widen(coverage_ppm=1_000_000)
    widen(coverage_ppm=100_000)

    assert [finding.code for finding in blocked.value.findings] == ["guardrail_trip"]


def test_gate__trip_waived__flag_opens():
    trip = harmed(HARM)
    services.waive_trip(trip_id=trip.id, reason="accepted", actor="pia", now=NOW)

    widen(coverage_ppm=1_000_000)


def test_gate__trip_of_an_alarm_only_guardrail__nothing_is_blocked():
    trip = harmed(HARM, blocking=False)

    widen(coverage_ppm=1_000_000)

    assert (trip.action, trip.is_blocking) == ("alarm", False)
    assert act() == []


def test_gate__new_plan_while_harm_is_open__does_not_start():
    harmed(HARM)
    experiment_services.revise(key=world.KEY, actor="rosa", now=NOW, reason="try again")

    with pytest.raises(Blocked):
        experiment_services.apply_revision(key=world.KEY, actor="rosa", now=NOW, reason="try again")


def ship(**changes):
    report = queries.latest_snapshot(world.KEY)
    settings = {"key": world.KEY, "taken": "ship", "reason": "better", "actor": "rosa", "now": NOW}
    experiment_services.stop(key=world.KEY, reason="enough", actor="rosa", now=NOW)
    return experiment_services.decide(**{**settings, "snapshot_sha256": report.sha256, **changes})


def test_gate__ship_with_open_trip__blocked_even_when_the_report_is_quoted():
    harmed(HARM)

    with pytest.raises(Blocked) as blocked:
        ship()

    assert "guardrail_trip" in {finding.code for finding in blocked.value.findings}


def test_gate__ship_with_too_few_units__blocked_with_both_numbers():
    started()
    world.write(*world.traffic(300))
    world.look(hours=LAST_LOOK_HOURS)

    with pytest.raises(Blocked) as blocked:
        ship()

    [finding] = [each for each in blocked.value.findings if each.code == "sample_size"]
    assert finding.evidence["planned"] == 2000


def test_gate__ship_before_the_shortest_duration__blocked():
    started(planned_units=20)
    world.write(*world.traffic(300))
    world.look(hours=24 * 3)

    with pytest.raises(Blocked) as blocked:
        ship()

    assert [finding.code for finding in blocked.value.findings] == ["duration", "launch_review"]
