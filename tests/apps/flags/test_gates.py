"""The registry of objections: everybody is asked, everything is said at once."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config import errors
from flags import gates
from flags.gates import Blocked, Finding, Subject

SUBJECT = Subject(
    now=datetime(2026, 3, 2, tzinfo=UTC), actor="ada", flag="checkout", environment="production"
)


@pytest.fixture
def register(monkeypatch):
    """Register gates for one test only."""
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})
    return gates.register


def objection(code):
    def gate(subject):
        yield Finding(code=code, title=f"{code} of {subject.flag}", fix="Wait.", evidence={"limit": 5})

    return gate


def no_objection(subject):
    return ()


def test_check__nobody_objects__passes(register):
    register("publish", no_objection)

    gates.check("publish", SUBJECT)


def test_check__two_object__both_are_named(register):
    register("publish", objection("trip"))
    register("publish", no_objection)
    register("publish", objection("review"))

    with pytest.raises(Blocked) as blocked:
        gates.check("publish", SUBJECT)

    assert [finding.code for finding in blocked.value.findings] == ["trip", "review"]
    assert [problem.reason for problem in blocked.value.problems] == [
        "trip of checkout",
        "review of checkout",
    ]
    assert blocked.value.problems[0].value == "limit: 5"
    assert errors.status_of(blocked.value) == 409


def test_check__objection_to_another_action__passes(register):
    register("decide.ship", objection("trip"))

    gates.check("ramp.advance", SUBJECT)


def test_register__same_gate_twice__asked_once(register):
    gate = objection("trip")
    register("publish", gate)
    register("publish", gate)

    assert len(gates.findings("publish", SUBJECT)) == 1


@pytest.mark.parametrize(("before", "after", "opens"), [(0, 1, True), (5, 5, False), (5, 4, False)])
def test_subject__coverage_change__says_whether_it_opens(before, after, opens):
    subject = replace(SUBJECT, coverage_before_ppm=before, coverage_after_ppm=after)

    assert subject.opens_further is opens
