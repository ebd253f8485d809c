"""Who signs, what is missing, and in which state a review is."""

import pytest

from governance.reviewing import QUESTIONS, Finding, Given, Severity, missing, required, state_of
from organisation.roles import Discipline

PERFORMANCE, LEGAL = Discipline.PERFORMANCE, Discipline.LEGAL
YES = Given(PERFORMANCE, "pia", is_rejection=False)
NO = Given(LEGAL, "lea", is_rejection=True)
TRIP = Finding("guardrail_trip", Severity.BLOCKING, "harm")
NO_REPORT = Finding("no_report", Severity.BLOCKING, "nothing to sign")
WARNING = Finding("power", Severity.WARNING, "few units")


def test_required__no_to_everything__performance_only_where_speed_is_watched():
    answers = {question.key: False for question in QUESTIONS}

    assert required(answers, always_performance=False) == ()
    assert required(answers, always_performance=True) == (PERFORMANCE,)


@pytest.mark.parametrize(
    ("given", "against", "expected"),
    [
        ((), False, (PERFORMANCE,)),
        ((YES,), False, ()),
        ((), True, (PERFORMANCE, PERFORMANCE)),
        ((YES,), True, (PERFORMANCE,)),
        ((YES, Given(PERFORMANCE, "paul", is_rejection=False)), True, ()),
        ((Given(PERFORMANCE, "pia", is_rejection=True),), False, (PERFORMANCE,)),
    ],
)
def test_missing__one_discipline__second_person_against_the_rule(given, against, expected):
    assert missing([PERFORMANCE], given, is_against_rule=against) == expected


@pytest.mark.parametrize(
    ("is_answered", "given", "lacking", "findings", "state"),
    [
        (False, (), (), (), "open"),
        (True, (), (PERFORMANCE,), (), "in_review"),
        (True, (YES,), (), (WARNING,), "approved"),
        (True, (YES,), (), (NO_REPORT,), "in_review"),
        (True, (YES,), (), (TRIP,), "blocked"),
        (True, (YES, NO), (), (), "blocked"),
        (False, (), (), (TRIP,), "blocked"),
    ],
)
def test_state__from_the_facts(is_answered, given, lacking, findings, state):
    assert state_of(is_answered=is_answered, given=given, lacking=lacking, findings=findings) == state
