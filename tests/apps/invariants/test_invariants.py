# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Invariants of the platform that need the whole database; docs/reference/invariants.md lists all of them."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, transaction

from config import celery
from experiments import queries, services, status
from experiments.lifecycle import State
from experiments.models import Phase
from experiments.status import Snapshot
from flags import gates
from ledger import queries as ledger_queries
from ledger.models import AuditEvent
from metrics import services as metric_services
from tests.apps.experiments.build import KEY, NOW, drafted, started
from tests.apps.metrics.texts import metric_text
from tests.apps.planning import build
from tests.apps.report.build import reported, tripped

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=20)
SHA = "7f3a9c" + "0" * 58
ROSA: dict = {"key": KEY, "actor": "rosa", "now": LATER}


@pytest.fixture
def free(monkeypatch):
    """No gate objects, and a report that can be decided on."""
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})
    monkeypatch.setattr(status, "_snapshots", [{SHA: Snapshot(KEY, SHA, "SHIP", is_trustworthy=True)}.get])


def test_invariant_03__running_plan_changed_in_place__database_refuses_and_a_version_begins_a_phase(free):
    started()
    version = queries.newest_version(queries.experiment(KEY))

    for change in ({"design": {}}, {"plan": {}}, {"sha256": "0" * 64}):
        with pytest.raises(DatabaseError), transaction.atomic():
            type(version).objects.filter(id=version.id).update(**change)
    services.revise(reason="other weights", **ROSA)
    services.apply_revision(reason="other weights", **ROSA)

    assert [(phase.version.number, phase.ended_at is None) for phase in queries.phases(KEY)] == [
        (1, False),
        (2, True),
    ]


def test_invariant_03__coverage_lowered__refused(free):
    drafted()
    services.start(key=KEY, actor="rosa", now=NOW, coverage_ppm=500_000)

    with pytest.raises(Exception, match="no larger share"):
        services.raise_coverage(coverage_ppm=400_000, reason="fewer", **ROSA)


def test_invariant_07__second_open_phase_or_trip__database_refuses():
    started()
    snapshot = reported("roll_back")
    tripped(snapshot)
    version = queries.newest_version(queries.experiment(KEY))
    row = {"experiment": version.experiment, "version": version, "coverage_ppm": 1, "started_at": LATER}

    with pytest.raises(IntegrityError, match="one_open_phase"), transaction.atomic():
        Phase.objects.create(**row)
    with pytest.raises(IntegrityError, match="one_unsettled_trip"), transaction.atomic():
        tripped(snapshot)


LIFE = [
    ("submitted", lambda: services.submit(**ROSA)),
    ("approved", lambda: services.approve(**{**ROSA, "actor": "amir"})),
    ("scheduled", lambda: services.schedule(start_at=LATER + timedelta(days=1), **ROSA)),
    ("unscheduled", lambda: services.unschedule(reason="no", **ROSA)),
    ("started", lambda: services.start(**ROSA)),
    ("paused", lambda: services.pause(reason="an incident", **ROSA)),
    ("resumed", lambda: services.resume(reason="over", **ROSA)),
    ("stopped", lambda: services.stop(reason="enough", **ROSA)),
    (
        "decided",
        lambda: services.decide(
            taken="ship", snapshot_sha256=SHA, reason="orders rose", at_once=False, **ROSA
        ),
    ),
    ("rollout.started", lambda: (services.prepare_rollout(**ROSA), services.start_rollout(**ROSA))),
]


def test_invariant_13__every_move_of_a_life__exactly_one_audit_row_of_it(free):
    drafted()

    for action, step in LIFE:
        before = queries.experiment(KEY).state
        step()
        rows = ledger_queries.audit_of(f"experiment:{KEY}").filter(action=f"experiment.{action}")
        moves = [row for row in rows if (row.before or {}).get("state") == before]
        assert len(moves) == 1, action
        assert moves[0].after["state"] == queries.experiment(KEY).state

    assert queries.experiment(KEY).lifecycle_state is State.ROLLING_OUT


def test_invariant_13__move_that_fails__neither_state_nor_row(free):
    started()
    rows = AuditEvent.objects.count()

    def stop_and_fail():
        with transaction.atomic():
            services.stop(reason="enough", **ROSA)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_and_fail()

    assert (queries.experiment(KEY).state, AuditEvent.objects.count()) == ("running", rows)


@pytest.mark.parametrize("name", sorted(celery.app.conf.beat_schedule))
def test_invariant_15__task_of_the_clock_run_twice__second_time_adds_nothing(name):
    celery.app.autodiscover_tasks(force=True)
    task = celery.app.tasks[celery.app.conf.beat_schedule[name]["task"]]
    started()

    task()
    once = _rows()
    task()

    assert _rows() == once


def _rows():
    """How many rows each table has."""
    return {model._meta.label: model.objects.count() for model in apps.get_models() if model._meta.managed}


def test_invariant_16__metric_gets_a_new_version__running_binding_keeps_its_own():
    started()
    beta = 'tier = "beta"\n'
    text = metric_text("orders", extra=f"{beta}gain = {{ value = 0.5, relative = true }}")
    metric_services.load_definitions(texts={"orders.toml": text}, actor="rosa", now=LATER)

    bound = next(each for each in queries.plan(KEY).bindings if each.metric == "orders")

    assert bound.metric_version == 1
    assert bound.definition.gain.value == 0.01


def test_invariant_17__look_or_result_repeated__database_refuses():
    started()
    run = build.looked()

    with pytest.raises(IntegrityError, match="run_look_number_is_not_reused"), transaction.atomic():
        build.looked(days=15.0)
    row = run.results.first()
    row.pk = None
    with pytest.raises(IntegrityError, match="result_once_per_look"), transaction.atomic():
        row.save(force_insert=True)
    with pytest.raises(DatabaseError), transaction.atomic():
        run.results.update(alpha_spent=0.0)
