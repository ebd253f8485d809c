# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Start, new versions, stop and decision: what is locked, recorded and refused."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from experiments import queries, services
from experiments.lifecycle import State, is_allowed
from experiments.models import Arm, Experiment, ExperimentVersion, MetricBinding, Phase
from experiments.services.transitions import Act, locked_row, move
from flags import gates
from flags.gates import Blocked, Finding
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, Refused
from metrics import services as metric_services
from tests.apps.experiments.build import HYPOTHESIS, KEY, NOW, drafted, started, stopped
from tests.apps.metrics.texts import metric_text

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=10)


@pytest.fixture
def objections(monkeypatch):
    """What a gate says, per action, and what it was told."""
    said: dict = {}
    told: list = []

    def gate_for(action):
        def gate(subject):
            told.append((action, subject))
            return said.get(action, [])

        return gate

    monkeypatch.setattr(gates, "_gates", {action: [gate_for(action)] for action in gates.ACTIONS})
    return said, told


def actions():
    return [row.action for row in reversed(ledger_queries.audit_of(f"experiment:{KEY}"))]


def state():
    return queries.experiment(KEY).state


def test_start__complete_draft__running_with_a_locked_hashed_plan():
    drafted()

    services.start(key=KEY, actor="rosa", now=LATER)

    plan = queries.plan(KEY)
    assert state() == "running"
    assert (plan.started_at, plan.stopped_at, plan.version) == (LATER, None, 1)
    assert plan.is_intact
    assert [(bound.metric, bound.role, bound.blocking) for bound in plan.bindings] == [
        ("orders", "primary", False),
        ("errors", "guardrail", True),
    ]
    assert plan.sha256 == ExperimentVersion.objects.get().sha256


def test_start__complete_draft__phase_open_and_every_change_in_the_audit():
    started()

    phase = queries.open_phase(KEY)
    assert (phase.coverage_ppm, phase.started_at, phase.version.number) == (1_000_000, NOW, 1)
    assert actions() == [
        "experiment.created",
        "experiment.metric.bound",
        "experiment.metric.bound",
        "experiment.version.locked",
        "experiment.started",
    ]


def test_start__gaps__refused_with_every_gap_and_nothing_changed():
    drafted(owner="", hypothesis={**HYPOTHESIS, "refuted_if": ""}, arms=[])

    with pytest.raises(Refused) as caught:
        services.start(key=KEY, actor="rosa", now=NOW)

    assert [problem.field for problem in caught.value.problems] == ["owner", "hypothesis", "arms"]
    assert state() == "draft"
    assert queries.open_phase(KEY) is None


def test_start__gate_objects__blocked_and_nothing_changed(objections):
    said, _ = objections
    said["experiment.start"] = [Finding("review", "no review has approved this", "Ask for one.")]
    drafted()

    with pytest.raises(Blocked, match="no review has approved this"):
        services.start(key=KEY, actor="rosa", now=NOW)

    assert state() == "draft"
    assert not ExperimentVersion.objects.exclude(state="draft").exists()


def test_start__gates_asked__told_experiment_flag_and_coverage(objections):
    _, told = objections
    drafted()

    services.start(key=KEY, actor="rosa", now=NOW, coverage_ppm=250_000)

    [(action, subject)] = told
    assert (action, subject.experiment, subject.flag, subject.environment, subject.coverage_after_ppm) == (
        "experiment.start",
        KEY,
        "checkout-prefetch",
        "production",
        250_000,
    )
    assert queries.open_phase(KEY).coverage_ppm == 250_000


@pytest.mark.parametrize("coverage", [0, -1, 1_000_001])
def test_start__coverage_that_is_no_share__refused(coverage):
    drafted()

    with pytest.raises(Refused, match="no share"):
        services.start(key=KEY, actor="rosa", now=NOW, coverage_ppm=coverage)


def test_start__not_published__marked_as_assigned_elsewhere():
    drafted(assigned_here=True)

    services.start(key=KEY, actor="rosa", now=NOW, publish=False)

    assert not queries.experiment(KEY).assigned_here


def test_start__twice__conflict_and_one_phase():
    started()

    with pytest.raises(Conflict, match="cannot become running"):
        services.start(key=KEY, actor="rosa", now=LATER)

    assert queries.phases(KEY).count() == 1


def test_plan__before_the_start__conflict():
    drafted()

    with pytest.raises(Conflict, match="has not started"):
        queries.plan(KEY)


def test_plan__metric_gets_a_new_version__running_plan_keeps_its_own():
    started()
    before = queries.plan(KEY)

    text = metric_text("orders", direction="down", extra='tier = "beta"')
    metric_services.load_text(text=text, actor="rosa", now=LATER)

    assert queries.plan(KEY) == before
    assert queries.plan(KEY).bindings[0].definition.direction == "up"


def test_plan__stopped__says_when():
    started()

    services.stop(key=KEY, reason="enough data", actor="rosa", now=LATER)

    assert queries.plan(KEY).stopped_at == LATER


LOCKED_CHANGES = [
    (ExperimentVersion, {"plan": {}}),
    (ExperimentVersion, {"design": {}}),
    (ExperimentVersion, {"sha256": "0" * 64}),
    (ExperimentVersion, {"number": 9}),
    (ExperimentVersion, {"locked_at": LATER}),
    (Arm, {"weight_ppm": 1}),
    (Arm, {"variant": "other"}),
    (MetricBinding, {"margin": 0.5}),
    (MetricBinding, {"blocking": False}),
    (Phase, {"coverage_ppm": 1}),
    (Phase, {"started_at": NOW - timedelta(days=1)}),
    (Experiment, {"flag": "other"}),
    (Experiment, {"key": "other"}),
    (Experiment, {"started_at": LATER}),
]


def test_locked__changed_past_the_services__database_refuses():
    started()

    for model, change in LOCKED_CHANGES:
        with pytest.raises(DatabaseError, match=r"frozen|locked"), transaction.atomic():
            model.objects.update(**change)


def test_locked__deleted_past_the_services__database_refuses():
    started()

    for model in (Arm, MetricBinding, Phase, ExperimentVersion, Experiment):
        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.all()._raw_delete("default")


def test_locked__arm_added_past_the_services__database_refuses():
    started()
    version = ExperimentVersion.objects.get()

    with pytest.raises(DatabaseError, match="locked"), transaction.atomic():
        Arm.objects.create(version=version, position=9, key="x", variant="x", weight_ppm=1, role="treatment")


@pytest.mark.parametrize("before", State)
def test_transition__every_pair__helper_and_database_agree_with_the_table(before):
    drafted()
    for after in State:
        with transaction.atomic():
            _move(before, after)
            transaction.set_rollback(True)


def _move(before, after):
    _put(before)
    may = is_allowed(before, after)
    if may:
        move(locked_row(KEY), after, "moved", Act("rosa", LATER))
        assert state() == after
    else:
        with pytest.raises(Conflict):
            move(locked_row(KEY), after, "moved", Act("rosa", LATER))
        assert state() == before
    _put(before)
    _assert_database(before, after, may or before == after)


def _put(wanted):
    """Bring the row into a state whatever the table says, as no code of the product can."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come cannot be altered
        cursor.execute("ALTER TABLE experiments_experiment DISABLE TRIGGER USER")
        Experiment.objects.filter(key=KEY).update(state=wanted)
        cursor.execute("ALTER TABLE experiments_experiment ENABLE TRIGGER USER")


def _assert_database(before, after, may):
    def written():
        with transaction.atomic():
            Experiment.objects.filter(key=KEY).update(state=after)

    if may:
        written()
    else:
        with pytest.raises(DatabaseError, match=f"is {before.value} cannot become {after.value}"):
            written()


@pytest.mark.django_db(transaction=True)
def test_locked_row__outside_a_transaction__refused():
    drafted()

    with pytest.raises(transaction.TransactionManagementError):
        locked_row(KEY)


def test_review__somebody_else_approves__started():
    drafted()
    services.submit(key=KEY, actor="rosa", now=NOW)
    services.approve(key=KEY, actor="amir", now=NOW)

    services.start(key=KEY, actor="rosa", now=NOW)

    version = ExperimentVersion.objects.get()
    assert (version.submitted_by, version.approved_by, state()) == ("rosa", "amir", "running")


def test_review__requester_approves__refused():
    drafted()
    services.submit(key=KEY, actor="rosa", now=NOW)

    with pytest.raises(Refused, match="cannot give it"):
        services.approve(key=KEY, actor="rosa", now=NOW)

    assert state() == "in_review"


def test_review__requester_approves_past_the_services__database_refuses():
    drafted()
    services.submit(key=KEY, actor="rosa", now=NOW)

    with pytest.raises(IntegrityError, match="requester_is_never_approver"), transaction.atomic():
        ExperimentVersion.objects.update(approved_by="rosa")


def test_review__not_approved_yet__cannot_start():
    drafted()
    services.submit(key=KEY, actor="rosa", now=NOW)

    with pytest.raises(Conflict, match="is in review and cannot become running"):
        services.start(key=KEY, actor="amir", now=NOW)


def test_review__gaps__cannot_be_submitted():
    drafted(owner="")

    with pytest.raises(Refused, match="nobody answers"):
        services.submit(key=KEY, actor="rosa", now=NOW)


def test_review__sent_back__editable_and_approval_gone():
    drafted()
    services.submit(key=KEY, actor="rosa", now=NOW)
    services.approve(key=KEY, actor="amir", now=NOW)

    services.send_back(key=KEY, reason="margin too wide", actor="amir", now=NOW)
    services.edit(key=KEY, content={"title": "Other"}, actor="rosa", now=NOW)

    version = ExperimentVersion.objects.get()
    assert (version.submitted_by, version.approved_by, state()) == ("", "", "draft")


def test_stop__running__phase_closed_and_reason_kept():
    started()

    services.stop(key=KEY, reason="enough data", actor="amir", now=LATER)

    phase = queries.phases(KEY).get()
    row = ledger_queries.audit_of(f"experiment:{KEY}").first()
    assert (state(), phase.ended_at, queries.experiment(KEY).stopped_at) == ("stopped", LATER, LATER)
    assert (row.action, row.reason, row.before, row.after) == (
        "experiment.stopped",
        "enough data",
        {"state": "running"},
        {"state": "stopped"},
    )


@pytest.mark.parametrize("function", [services.stop, services.invalidate])
def test_ending__no_reason__refused(function):
    started()

    with pytest.raises(Refused, match="needs a reason"):
        function(key=KEY, reason=" ", actor="rosa", now=LATER)


def test_invalidate__running__ends_it_for_ever():
    started()

    services.invalidate(key=KEY, reason="logging was broken", actor="rosa", now=LATER)

    assert (state(), queries.open_phase(KEY)) == ("invalid", None)
    with pytest.raises(Conflict, match="this is its last state"):
        services.start(key=KEY, actor="rosa", now=LATER)


def test_invalidate__stopped__keeps_the_stop_time():
    stopped()

    services.invalidate(key=KEY, reason="logging was broken", actor="rosa", now=LATER)

    assert (state(), queries.experiment(KEY).stopped_at) == ("invalid", NOW)
