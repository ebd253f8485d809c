"""A look end to end: asked for once, computed once, stored once, whatever happens to workers."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from analysis import queries, services
from analysis.models import AnalysisRun, HealthCheck, MetricResult, ReportSnapshot
from analysis.report import document, verdict
from analysis.services import looking
from events.models import InboxBatch
from experiments import services as experiments
from ledger import jobs
from ledger.models import AuditEvent, Job, JobState
from ledger.refusals import Conflict, Refused
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db

TABLES = (AnalysisRun, MetricResult, HealthCheck, ReportSnapshot)


def counts():
    return [table.objects.count() for table in TABLES]


@pytest.fixture
def running():
    world.started(dimensions=["device"])
    world.write(*world.traffic(600))


def asked(hours=24 * 9, **changes):
    """A requested look, not done yet."""
    settings = {"experiment": world.KEY, "trigger": "manual", "actor": "rosa", "now": world.at(24 * 30)}
    return services.request_look(**{**settings, "until": world.at(hours), **changes})


def test_look__running_experiment__run_results_checks_and_snapshot(running):
    job = world.look(hours=24 * 9)

    assert (job.state, job.failure) == (JobState.SUCCEEDED, "")
    run = AnalysisRun.objects.get()
    assert (run.look, run.data_cut, run.trigger) == (1, world.at(24 * 9), "manual")
    overall = MetricResult.objects.filter(run=run, dimension="")
    assert set(overall.values_list("metric", flat=True)) == {"orders", "latency-p95"}
    assert MetricResult.objects.filter(run=run, dimension="device").count() == 4
    assert list(queries.checks(run).values_list("kind", flat=True)) == [
        "split",
        "assignment",
        "data",
        "before",
        "duration",
        "looks",
    ]
    report = ReportSnapshot.objects.get()
    assert report.run == run
    assert document.serialise(json.loads(report.document)) == (report.document, report.sha256)
    assert json.loads(report.document)["verdict"]["code"] == report.verdict


def test_look__levels_as_long_as_ingest_takes_them__each_has_its_row():
    world.started(dimensions=["device"])
    exposures, events = world.traffic(300)
    names = ["é" * 255 + end for end in "ab"]
    for number, row in enumerate(exposures):
        row["dims"] = {"device": names[number % 2]}
    world.write(exposures, events)

    job = world.look(hours=24 * 9)

    assert job.failure == ""
    assert set(
        MetricResult.objects.filter(metric="orders", dimension="device").values_list("level", flat=True)
    ) == set(names)


def test_request__same_cut_twice__one_job_and_one_audit_row(running):
    first, second = asked(), asked(actor="emil")

    assert first.id == second.id
    assert AuditEvent.objects.filter(action="analysis.requested").count() == 1


@pytest.mark.parametrize(
    ("until", "field"),
    [(world.at(-1), "until"), (world.at(24 * 31), "until"), (world.at(1).replace(tzinfo=None), "until")],
)
def test_request__cut_outside_the_run__refused_with_the_field(running, until, field):
    with pytest.raises(Refused) as refused:
        asked(until=until)

    assert refused.value.problems[0].field == field
    assert Job.objects.count() == 0


def test_request__before_the_start__conflict():
    world.started()
    experiments.create(key="later", content={"title": "Later"}, actor="rosa", now=world.START)

    with pytest.raises(Conflict):
        asked(experiment="later", until=None)


def test_request__earlier_data_than_the_last_look__conflict(running):
    world.look(hours=48)

    with pytest.raises(Conflict, match="forward"):
        asked(hours=24)


def test_handler__run_twice__one_set_of_rows(running):
    job = world.look(hours=48)
    before = counts()

    Job.objects.filter(id=job.id).update(state=JobState.QUEUED, attempt=0)
    jobs.run(job.id)

    job.refresh_from_db()
    assert (counts(), job.state) == (before, JobState.SUCCEEDED)


def test_handler__lease_lost_while_reading__nothing_stored_by_the_late_one(running, monkeypatch):
    job = asked()
    late = jobs.claim(job.id, now=timezone.now())
    taken_over = jobs.claim(job.id, now=timezone.now() + jobs.LEASE * 2)

    with pytest.raises(jobs.LeaseLost):
        looking.look(late)
    assert counts() == [0, 0, 0, 0]
    looking.look(taken_over)

    assert counts()[0] == 1
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED


def test_handler__killed_after_the_last_row__nothing_is_left_and_the_next_attempt_stores_once(
    running, monkeypatch
):
    job = asked()
    claimed = jobs.claim(job.id, now=timezone.now())

    def die(*args, **named):
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr("analysis.services.tripping.open_trips", die)
        with pytest.raises(SystemExit):
            looking.look(claimed)
    assert counts() == [0, 0, 0, 0]
    job.refresh_from_db()
    assert job.state == JobState.RUNNING

    Job.objects.filter(id=job.id).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.run(job.id)

    job.refresh_from_db()
    assert (counts()[0], job.state, job.attempt) == (1, JobState.SUCCEEDED, 2)


def test_handler__plan_revised_meanwhile__finished_without_rows(running):
    job = asked()
    experiments.revise(key=world.KEY, actor="rosa", now=world.at(30), reason="another metric")
    experiments.apply_revision(key=world.KEY, actor="rosa", now=world.at(31), reason="another metric")

    jobs.run(job.id)

    job.refresh_from_db()
    assert (job.state, counts()) == (JobState.SUCCEEDED, [0, 0, 0, 0])


def test_handler__later_look_stored_first__the_earlier_one_is_left_out(running):
    early, late = asked(hours=24), asked(hours=48)

    jobs.run(late.id)
    jobs.run(early.id)

    early.refresh_from_db()
    assert early.state == JobState.SUCCEEDED
    assert [run.data_cut for run in AnalysisRun.objects.all()] == [world.at(48)]


def waiting_batch(received_at):
    return InboxBatch.objects.create(
        environment=world.ENVIRONMENT,
        batch_id="6f1f2f1a-0000-4000-8000-000000000001",
        received_at=received_at,
        sdk="test",
        accepted=3,
        digest=b"0" * 16,
        codec="json",
        size=10,
        payload=b"{}",
    )


def test_handler__acknowledged_batch_not_stored_yet__the_look_waits(running):
    now = timezone.now()
    job = asked(now=now)
    batch = waiting_batch(now - timedelta(seconds=1))

    jobs.run(job.id)

    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    assert "1 batches" in job.failure
    batch.payload, batch.compacted_at = None, now
    batch.save()
    Job.objects.filter(id=job.id).update(run_after=now)
    jobs.run(job.id)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED


def test_handler__batch_waits_too_long__look_is_made_and_the_data_check_warns(running):
    waiting_batch(world.at(24 * 9))

    world.look(hours=24 * 9)

    check = HealthCheck.objects.get(kind="data")
    assert check.evidence["waiting_batches"] == 1
    assert check.status == "warn"


def test_looks__one_after_the_other__numbers_and_snapshots_form_a_chain(running):
    for hours in (24, 48, 72):
        world.look(hours=hours)

    assert [run.look for run in queries.runs_of_plan(world.KEY, plan_version=1)] == [1, 2, 3]
    newest, middle, oldest = queries.snapshots(world.KEY)
    assert (newest.prev_sha256, middle.prev_sha256, oldest.prev_sha256) == (middle.sha256, oldest.sha256, "")


def test_looks__later_one__judged_by_the_version_of_the_rule_that_the_first_report_had(running, monkeypatch):
    asked = []
    of = verdict.rule_of
    monkeypatch.setattr(verdict, "rule_of", lambda kind, version: asked.append(version) or of(kind, version))
    world.look(hours=24 * 8)
    world.look(hours=24 * 9)

    assert list(dict.fromkeys(asked)) == [None, verdict.DEFAULT_SHIP.version]


def test_looks__later_one__keeps_the_scale_that_an_earlier_one_froze(running):
    world.look(hours=24 * 4)
    world.look(hours=24 * 9)

    first, second = (
        row.detail["memory"] for row in queries.results(world.KEY, metric="orders")[::-1] if not row.dimension
    )
    assert first["planned_information"] == second["planned_information"] is not None


def test_rows__changed_through_sql__refused_by_the_database(running):
    world.look(hours=48)

    for table in TABLES:
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            table.objects.all().update(id=99)
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            table.objects.filter(id=table.objects.latest("id").id)._raw_delete("default")


def test_schedule__due_cut__asked_once_and_not_again_when_stored(running):
    now = world.at(24 * 9 + 1)

    assert services.schedule_looks(now=now) == 1
    assert services.schedule_looks(now=now + timedelta(minutes=5)) == 0
    jobs.run(Job.objects.get().id)
    assert services.schedule_looks(now=now + timedelta(minutes=10)) == 0
    assert services.schedule_looks(now=now + timedelta(hours=6)) == 1

    assert AnalysisRun.objects.get().trigger == "schedule"


def test_schedule__started_now_with_a_beginning_in_the_past__an_hour_to_send_its_events(db):
    started_at = world.at(24 * 9)
    world.started(now=started_at, starts=False)
    experiments.start(key=world.KEY, actor="rosa", now=started_at, began_at=world.START, reason="a replay")

    assert services.schedule_looks(now=started_at + timedelta(minutes=59)) == 0
    assert services.schedule_looks(now=started_at + timedelta(minutes=61)) == 1


def test_schedule__stopped_experiment__one_last_look_at_the_end(running):
    experiments.stop(key=world.KEY, reason="enough", actor="rosa", now=world.at(24 * 9))

    assert services.schedule_looks(now=world.at(24 * 9 + 1)) == 1
    jobs.run(Job.objects.get().id)

    assert AnalysisRun.objects.get().data_cut == world.at(24 * 9)
    assert services.schedule_looks(now=world.at(24 * 20)) == 0


def test_command__analyse__prints_the_verdict_and_the_hash(running, capsys):
    call_command("analyse", world.KEY, until="2026-03-11T00:00:00Z", actor="rosa")

    report = ReportSnapshot.objects.get()
    printed = capsys.readouterr().out
    assert report.verdict in printed
    assert report.sha256 in printed


@pytest.mark.parametrize(("until", "said"), [("tomorrow", "not a time"), ("2026-03-01T00:00:00Z", "started")])
def test_command__bad_time__says_what_to_write(running, until, said):
    with pytest.raises(CommandError, match=said):
        call_command("analyse", world.KEY, until=until)


def test_looks__after_a_full_week__limit_of_a_cap_stays_what_it_was_then():
    world.started(bind=("spend", "latency-p95"))
    world.write(*world.traffic(600))
    for hours in (24 * 5, 24 * 10, 24 * 12):  # its window is three days
        world.look(hours=hours)

    early, settled, later = (run.caps for run in queries.runs_of_plan(world.KEY, plan_version=1))
    assert early.keys() == {"spend/value", "spend/covariate"}
    assert early != settled
    assert later == settled


def test_looks__harm_found_once__later_looks_remember_which_it_was():
    world.started()
    world.write(*world.traffic(900, slowdown=0.5))
    for hours in (24, 24 * 8, 24 * 9):
        world.look(hours=hours)

    rows = [row for row in queries.results(world.KEY, metric="latency-p95")[::-1] if not row.dimension]
    assert [row.detail["monitor"]["look"] for row in rows] == [None, 2, 2]
    spent = [row.alpha_spent for row in rows]
    assert spent == sorted(spent)
