"""Drafts: what people may write, and what they are told."""

import pytest

from experiments.drafts import ExperimentKind, merged, read, read_binding
from experiments.plan import Inference, Role, Trigger
from ledger.refusals import Refused
from metrics.definitions import Amount, Margin

ARMS = [
    {"key": "control", "variant": "off", "weight_ppm": 500_000, "role": "control"},
    {"key": "treatment", "variant": "on", "weight_ppm": 500_000},
]


def content(**changes):
    return {"title": "Prefetch payment methods", "owner": "rosa", "arms": ARMS, **changes}


def problems_of(function, data):
    with pytest.raises(Refused) as caught:
        function(data)
    return [(problem.field, problem.reason, problem.fix) for problem in caught.value.problems]


def test_read__title_only__defaults():
    draft = read({"title": "Prefetch"})

    assert (draft.kind, draft.environment, draft.unit_type) == (ExperimentKind.AB, "production", "user")
    assert (draft.inference, draft.alpha, draft.min_days, draft.max_days) == ("always_valid", 0.05, 7, 28)
    assert (draft.arms, draft.looks, draft.planned_units) == ((), None, None)


def test_read__own_output__same_draft():
    hypothesis = {"change": "x", "metric": "orders", "expected": {"value": 0.01, "relative": True}}
    who = {"filters": {"country": "NL"}, "excluded": {"traffic": ["internal", "bot"], "robot": "true"}}
    trigger = {"event": "checkout-opened", "where": {"page": "checkout"}}
    draft = read(content(hypothesis=hypothesis, dimensions=["country"], trigger=trigger, **who))

    assert read(draft.to_dict()) == draft
    assert draft.excluded == (("robot", "true"), ("traffic", "bot"), ("traffic", "internal"))
    assert draft.trigger == Trigger("checkout-opened", (("page", "checkout"),))


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"title": ""}, "title", "empty"),
        ({"title": 5}, "title", "not text"),
        ({"title": "\u202eabc"}, "title", "U+202E"),
        ({"title": "x" * 201}, "title", "201 characters"),
        ({"kind": "abc"}, "kind", "not one of"),
        ({"flag": "No Slug"}, "flag", "not a key"),
        ({"unit_type": ""}, "unit_type", "empty"),
        ({"alpha": 0}, "alpha", "not between"),
        ({"alpha": 0.5}, "alpha", "not between"),
        ({"alpha": "5%"}, "alpha", "not a number"),
        ({"alpha": float("nan")}, "alpha", "finite"),
        ({"min_days": 0}, "min_days", "not between"),
        ({"min_days": 7.5}, "min_days", "whole number"),
        ({"min_days": True}, "min_days", "whole number"),
        ({"min_days": 30}, "min_days", "more than max_days"),
        ({"looks": 3, "inference": "fixed"}, "looks", "one look only"),
        ({"assigned_here": "yes"}, "assigned_here", "true nor false"),
        ({"hypothesis": "orders rise"}, "hypothesis", "not a table"),
        ({"hypothesis": {"chnge": "x"}}, "hypothesis.chnge", "no such field"),
        ({"hypothesis": {"expected": 0.01}}, "hypothesis.expected", "relative or absolute"),
        ({"arms": "two"}, "arms", "not a list"),
        ({"arms": [ARMS[0], 2]}, "arms", "not an object"),
        ({"arms": ARMS * 6}, "arms", "at most 10"),
        ({"arms": [ARMS[0], {**ARMS[1], "weight_ppm": 499_900}]}, "arms", "99.99 %, must be 100 %"),
        ({"arms": [ARMS[0], {**ARMS[1], "weight_ppm": 500_100}]}, "arms", "100.01 %, must be 100 %"),
        ({"arms": [ARMS[0], {**ARMS[1], "weight_ppm": -1}]}, "arms[1].weight_ppm", "not between"),
        ({"arms": [ARMS[0], {**ARMS[1], "weight_ppm": 0.5}]}, "arms[1].weight_ppm", "whole number"),
        ({"arms": [ARMS[0], {**ARMS[1], "key": "control"}]}, "arms", 'two arms have the key "control"'),
        ({"arms": [ARMS[0], {**ARMS[1], "variant": "off"}]}, "arms", 'two arms have the variant "off"'),
        ({"arms": [ARMS[0], {**ARMS[1], "role": "control"}]}, "arms", "two arms are the control"),
        ({"dimensions": ["a", "a"]}, "dimensions", "twice"),
        ({"filters": {"country": 1}}, "filters.country", "not text"),
        ({"excluded": ["bot"]}, "excluded", "not a table"),
        ({"excluded": {"robot": True}}, "excluded.robot", "not text"),
        ({"excluded": {"robot": ["yes", "yes"]}}, "excluded.robot", "twice"),
        ({"excluded": {f"dim{n}": "x" for n in range(11)}}, "excluded", "more than 10"),
        ({"trigger": "checkout"}, "trigger", "not a table"),
        ({"trigger": {"where": {"page": "x"}}}, "trigger.event", "required"),
        ({"trigger": {"event": "a", "wher": {}}}, "trigger.wher", "no such field"),
        ({"state": "decided"}, "state", "no such field"),
        ({"ownr": "rosa"}, "ownr", "no such field"),
    ],
)
def test_read__bad_field__named_with_reason_and_fix(changes, field, reason):
    [(found, why, fix)] = problems_of(read, content(**changes))

    assert found == field
    assert reason in why
    assert fix


@pytest.mark.parametrize("data", [None, [], "draft", 5])
def test_read__no_object__refused(data):
    [(field, _, _)] = problems_of(read, data)

    assert field == "body"


def test_read__unknown_field__says_which_was_meant():
    [(_, _, fix)] = problems_of(read, content(ownr="rosa"))

    assert 'Did you mean "owner"' in fix


def test_read__fixed_inference__one_look():
    assert read(content(inference="fixed")).looks == 1


def test_merged__part_of_the_hypothesis__the_rest_stays():
    draft = read(content(hypothesis={"change": "prefetch", "audience": "all"}))

    after = merged(draft, {"hypothesis": {"audience": "signed-in"}, "inference": "fixed"})

    assert (after.hypothesis.change, after.hypothesis.audience) == ("prefetch", "signed-in")
    assert after.inference is Inference.FIXED
    assert after.arms == draft.arms


def test_merged__unknown_field__refused():
    assert problems_of(lambda data: merged(read(content()), data), {"sate": 1})[0][0] == "sate"


def test_read_binding__complete__as_written():
    bound = read_binding(
        {
            "metric": "errors",
            "role": "guardrail",
            "version": 2,
            "blocking": False,
            "margin": {"value": 0.02, "relative": True},
            "gain": {"value": 3, "relative": False},
        }
    )

    assert (bound.metric, bound.role, bound.version, bound.blocking) == ("errors", Role.GUARDRAIL, 2, False)
    assert bound.margin == Margin(0.02, relative=True)
    assert bound.gain == Amount(3.0, relative=False)


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"role": "guardrial"}, "role", "not one of"),
        ({"role": "primary", "blocking": True}, "blocking", "cannot block"),
        ({"margin": 0.02}, "margin", "relative or absolute"),
        ({"margin": {"value": 0.02}}, "margin.relative", "required"),
        ({"margin": {"value": -1, "relative": False}}, "margin.value", "above zero"),
        ({"margin": {"value": 2, "relative": True}}, "margin.value", "more than 100 %"),
        ({"version": 0}, "version", "not between"),
        ({"metric": "Orders"}, "metric", "not a key"),
        ({"blocking": "no"}, "blocking", "true nor false"),
    ],
)
def test_read_binding__bad_field__named_with_reason_and_fix(changes, field, reason):
    [(found, why, fix)] = problems_of(read_binding, {"metric": "errors", "role": "guardrail", **changes})

    assert found == field
    assert reason in why
    assert fix
