# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Holdouts: experiments that begin while one holds leave its units alone, and nothing else changes."""

from collections import Counter

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from flags import gates, holdout_queries, queries, services
from flags.gates import Blocked, Finding
from flags.models import Holdout
from headway.evaluation import compile_config
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, NotFound, Refused
from tests.apps.flags.build import BY, HALF, NOW, definition, document, environment, flag, layer, published

pytestmark = pytest.mark.django_db
AT: dict = {"flag": "checkout", "environment": "production"}
USERS = [f"user-{number}" for number in range(500)]
PRO = {"when": {"attribute": "plan", "op": "equals", "value": "pro"}, "variant": "on"}


def planned(**overrides):
    environment()
    wanted = {"key": "all-2026", "environment": "production", "share_ppm": 200_000} | overrides
    return services.create_holdout(**wanted, **BY)


def holding(**overrides):
    return services.start_holdout(key=planned(**overrides).key, reason="a year", **BY)


def begun(experiment="prefetch", flag="checkout", **options):
    asked = {"arms": HALF, "coverage_ppm": 1_000_000, "environment": "production"} | options
    return services.publish_experiment_rule(flag=flag, experiment=experiment, **asked, **BY)


def served(attributes=None):
    """What every user gets now, with the reason."""
    config = compile_config(document())
    answers = [config.evaluate("checkout", user, attributes or {}) for user in USERS]
    return [(answer.variant, answer.reason) for answer in answers]


def test_holdout__planned__nothing_is_delivered_until_it_starts():
    planned(layers=None)

    before = document()["holdouts"]
    services.start_holdout(key="all-2026", **BY)

    assert before == {}
    assert document()["holdouts"]["all-2026"]["share_ppm"] == 200_000
    rows = ledger_queries.audit_of("holdout:all-2026")
    assert [row.action for row in rows] == ["holdout.started", "holdout.created"]


def test_experiment__begun_while_it_holds__its_units_get_what_they_got_before():
    flag()
    published([PRO])
    holding()
    before = {plan: served({"plan": plan}) for plan in ("pro", "free")}

    begun()

    after = {plan: served({"plan": plan}) for plan in ("pro", "free")}
    assert after["pro"] == before["pro"]
    held = [new for old, new in zip(before["free"], after["free"], strict=True) if new[1] == "HOLDOUT"]
    assert 0.15 < len(held) / len(USERS) < 0.25
    assert set(held) == {("off", "HOLDOUT")}
    assert Counter(variant for variant, _ in after["free"])["on"] > 150


def test_holdout__started_while_an_experiment_runs__changes_nothing_that_is_served():
    flag()
    begun()
    before = served()

    holding()

    assert served() == before
    assert "holdouts" not in definition()["rules"][0]


def test_holdout__of_a_layer__spares_experiments_outside_it():
    flag("second")
    flag()
    layer(key="page")
    services.allocate_slots(layer="page", experiment="one", share_ppm=500_000, **BY)
    holding(layers=["page"])

    begun("one", layer="page")
    begun("two", flag="second")

    assert definition()["rules"][0]["holdouts"] == ["all-2026"]
    assert "holdouts" not in definition("second")["rules"][0]


def test_holdout__of_another_unit__is_not_named():
    flag(unit_type="account")
    holding()

    begun()

    assert "holdouts" not in definition()["rules"][0]


def test_experiment__changed_while_it_runs__keeps_its_holdouts():
    flag()
    holding()
    begun(coverage_ppm=100_000)
    services.end_holdout(key="all-2026", reason="over", **BY)

    begun(coverage_ppm=200_000)

    assert definition()["rules"][0]["holdouts"] == ["all-2026"]


@pytest.mark.parametrize("withdrawn_first", [True, False])
def test_winner__shipped__held_units_keep_the_old_default_until_the_end(withdrawn_first):
    flag()
    holding()
    begun()
    steps = [
        lambda: services.end_experiment_rule(**AT, experiment="prefetch", **BY),
        lambda: services.ship_variant(**AT, variant="on", experiment="prefetch", reason="won", **BY),
    ]

    for step in steps if withdrawn_first else reversed(steps):
        step()

    assert set(served()) == {("on", "TARGETING_MATCH"), ("off", "HOLDOUT")}
    assert services.ship_variant(**AT, variant="on", experiment="prefetch", reason="won", **BY) is None
    services.end_holdout(key="all-2026", reason="measured", **BY)
    assert {variant for variant, _ in served()} == {"on"}
    assert holdout_queries.flags_held_by(queries.holdout("all-2026")) == ["checkout"]


def test_end__a_gate_objects__blocked_and_it_goes_on(monkeypatch):
    flag()
    holding()
    begun()
    told = []

    def gate(subject):
        told.append((subject.flag, subject.coverage_before_ppm, subject.coverage_after_ppm))
        return [Finding("trip", "a guardrail is tripped")]

    monkeypatch.setattr(gates, "_gates", {action: [gate] for action in gates.ACTIONS})

    with pytest.raises(Blocked, match="guardrail is tripped"):
        services.end_holdout(key="all-2026", reason="enough", **BY)

    assert queries.holdout("all-2026").state == "holding"
    assert set(told) == {("checkout", 800_000, 1_000_000)}


def test_end__where_a_review_is_required__needs_somebody_else():
    holding()
    services.require_review(environment="production", is_required=True, reason="real users", **BY)

    with pytest.raises(Refused, match="second person"):
        services.end_holdout(key="all-2026", reason="enough", **BY)

    assert services.end_holdout(key="all-2026", reason="enough", actor="bob", now=NOW).state == "over"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"key": "All"}, "small letters"),
        ({"share_ppm": 0}, "no share of a holdout"),
        ({"share_ppm": 500_001}, "no share of a holdout"),
        ({"share_ppm": 1.5}, "no share of a holdout"),
        ({"unit_type": ""}, "small letters"),
        ({"layers": ["page"], "unit_type": "account"}, "draws user units"),
    ],
)
def test_holdout__that_cannot_be__refused(changed, words):
    layer(key="page")

    with pytest.raises(Refused, match=words):
        planned(**changed)

    assert not Holdout.objects.exists()


def test_holdout__unknown_or_in_another_state__refused():
    planned()

    with pytest.raises(NotFound, match="there is no such holdout"):
        services.start_holdout(key="other", **BY)
    with pytest.raises(NotFound, match="there is no such layer"):
        planned(key="another", layers=["nowhere"])
    with pytest.raises(Conflict, match="this holdout is planned"):
        services.end_holdout(key="all-2026", reason="over", **BY)
    with pytest.raises(Conflict, match="there is a holdout with this key"):
        planned()
    services.start_holdout(key="all-2026", **BY)
    with pytest.raises(Conflict, match="this holdout is holding"):
        services.start_holdout(key="all-2026", **BY)


def test_holdout__holding__share_and_salt_never_change():
    holding()

    for change in ({"share_ppm": 1}, {"layers": ["page"]}, {"salt_id": 1}):
        with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
            Holdout.objects.update(**change)
