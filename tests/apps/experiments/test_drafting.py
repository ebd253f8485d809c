# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Writing the plan while it is a draft."""

import pytest

from experiments import queries, services
from experiments.models import Arm, Experiment
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, NotFound, Refused
from metrics import services as metric_services
from metrics.definitions import Amount, Margin
from tests.apps.experiments.build import ARMS, KEY, MARGIN, NOW, content, drafted, metrics, started
from tests.apps.metrics.texts import metric_text

pytestmark = pytest.mark.django_db


def create(key=KEY, **changes):
    return services.create(key=key, content=content(**changes), actor="rosa", now=NOW)


def edit(**changes):
    return services.edit(key=KEY, content=changes, actor="amir", now=NOW)


def bind(**bound):
    return services.bind_metric(key=KEY, content=bound, actor="rosa", now=NOW)


def bindings():
    return queries.candidate(
        experiment := queries.experiment(KEY), queries.newest_version(experiment)
    ).bindings


def test_create__complete__draft_with_arms_owner_and_audit_row():
    create()

    experiment = queries.experiment(KEY)
    planned = queries.candidate(experiment, queries.newest_version(experiment))
    row = ledger_queries.audit_of(f"experiment:{KEY}").get()
    assert (experiment.state, experiment.owner, experiment.created_by) == ("draft", "rosa", "rosa")
    assert [(arm.key, arm.variant, arm.weight_ppm) for arm in planned.arms] == [
        ("control", "off", 500_000),
        ("treatment", "on", 500_000),
    ]
    assert planned.control == "control"
    assert planned.hypothesis.refuted_if == "orders do not rise by 1 %"
    assert (row.action, row.after["title"]) == ("experiment.created", "Prefetch payment methods")


@pytest.mark.parametrize("key", ["", "Checkout", "a b", "a" * 64, "../x", "сheckout"])
def test_create__bad_key__refused(key):
    with pytest.raises(Refused, match="not a key"):
        create(key)


def test_create__taken_key__conflict():
    create()

    with pytest.raises(Conflict, match="there is an experiment with this key"):
        create()


def test_create__bad_content__refused_and_nothing_stored():
    with pytest.raises(Refused, match="must be 100 %"):
        create(arms=[ARMS[0], {**ARMS[1], "weight_ppm": 400_000}])

    assert not queries.experiments().exists()


def test_edit__some_fields__the_rest_stays_and_the_audit_names_both():
    create()

    edit(title="Prefetch cards", hypothesis={"audience": "everybody"})

    draft = queries.draft(queries.experiment(KEY), queries.draft_version(queries.experiment(KEY)))
    row = ledger_queries.audit_of(f"experiment:{KEY}").first()
    assert (draft.title, draft.hypothesis.audience) == ("Prefetch cards", "everybody")
    assert draft.hypothesis.change == "Prefetch payment methods"
    assert sorted(row.after or ()) == ["hypothesis", "title"]
    assert (row.actor, row.before["title"]) == ("amir", "Prefetch payment methods")


def test_edit__arms__replaced():
    create()

    edit(arms=[{**ARMS[0], "weight_ppm": 900_000}, {**ARMS[1], "weight_ppm": 100_000}])

    assert list(Arm.objects.values_list("weight_ppm", flat=True)) == [900_000, 100_000]


def test_edit__started__conflict():
    started()

    with pytest.raises(Conflict, match="locked"):
        edit(title="Other")


def test_edit__in_review__conflict():
    drafted()
    services.submit(key=KEY, actor="rosa", now=NOW)

    with pytest.raises(Conflict, match="Send it back"):
        edit(title="Other")


def test_experiment__unknown__names_the_closest():
    create()

    with pytest.raises(NotFound, match=f'Did you mean "{KEY}"'):
        queries.experiment("checkout-prefech")


def test_bind__guardrail__blocks_with_the_margin_of_the_metric():
    create()
    metrics()

    bind(metric="errors", role="guardrail")

    (bound,) = bindings()
    assert (bound.metric, bound.metric_version, bound.blocking) == ("errors", 1, True)
    assert bound.margin == Margin(0.05, relative=True)
    assert bound.definition.key == "errors"


def test_bind__primary__gain_of_the_metric_and_no_margin():
    create()
    metrics()

    bind(metric="orders", role="primary")

    (bound,) = bindings()
    assert (bound.blocking, bound.margin, bound.gain) == (False, None, Amount(0.01, relative=True))


def test_bind__stated_margin__wins_over_the_metric():
    create()
    metrics()

    bind(metric="errors", role="guardrail", margin={"value": 3, "relative": False}, blocking=False)

    (bound,) = bindings()
    assert (bound.margin, bound.blocking) == (Margin(3.0, relative=False), False)


def test_bind__again__changed_not_doubled():
    create()
    metrics()
    bind(metric="errors", role="guardrail")

    bind(metric="errors", role="guardrail", margin=MARGIN)

    (bound,) = bindings()
    assert bound.margin == Margin(0.02, relative=True)


def test_bind__older_version__that_version():
    create()
    metrics()
    text = metric_text("orders", direction="down", extra='tier = "beta"')
    metric_services.load_text(text=text, actor="rosa", now=NOW)

    bind(metric="orders", role="primary", version=1)

    (bound,) = bindings()
    assert (bound.metric_version, bound.definition.direction) == (1, "up")


def test_bind__second_primary__refused_naming_the_first():
    drafted()

    with pytest.raises(Refused, match='"orders" is the primary metric'):
        bind(metric="errors", role="primary")


@pytest.mark.parametrize(
    ("extra", "direction", "role", "reason"),
    [
        ("", "up", "guardrail", "alpha and cannot block"),
        ('tier = "deprecated"', "up", "success", "deprecated"),
        ("", "none", "primary", "only be diagnostic"),
    ],
)
def test_bind__metric_that_does_not_fit__refused(extra, direction, role, reason):
    create()
    text = metric_text("visits", direction=direction, extra=extra)
    metric_services.load_text(text=text, actor="rosa", now=NOW)

    with pytest.raises(Refused, match=reason):
        bind(metric="visits", role=role)


def test_bind__alpha_guardrail_that_does_not_block__accepted():
    create()
    metric_services.load_text(text=metric_text("visits"), actor="rosa", now=NOW)

    bind(metric="visits", role="guardrail", blocking=False, margin=MARGIN)

    assert [bound.metric for bound in bindings()] == ["visits"]


def test_bind__unknown_metric__names_the_closest():
    create()
    metrics()

    with pytest.raises(NotFound, match='Did you mean "orders"'):
        bind(metric="order", role="primary")


def test_unbind__bound__gone():
    drafted()

    services.unbind_metric(key=KEY, metric="errors", actor="rosa", now=NOW)

    assert [bound.metric for bound in bindings()] == ["orders"]


def test_unbind__not_bound__says_which_are():
    drafted()

    with pytest.raises(Refused, match="errors"):
        services.unbind_metric(key=KEY, metric="visits", actor="rosa", now=NOW)


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 2),
        ({"search": "PREFETCH"}, 2),  # the second one has the word in its hypothesis
        ({"search": "Ranking"}, 1),
        ({"search": "rosa"}, 2),
        ({"search": "\0"}, 2),
        ({"state": "draft"}, 2),
        ({"state": "running"}, 0),
        ({"state": "\0"}, 0),
    ],
)
def test_experiments__filtered__found(filters, count):
    create()
    create("search-order", title="Ranking", flag="search")

    assert queries.experiments(**filters).count() == count


def test_queries__many_experiments__newest_first():
    create()
    create("second")
    Experiment.objects.filter(key="second").update(created_at=NOW.replace(day=3))

    assert [experiment.key for experiment in queries.experiments()] == ["second", KEY]
