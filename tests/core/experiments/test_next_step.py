"""The one step that comes next: said in every state, and never a dead end."""

from datetime import UTC, datetime

import pytest

from experiments import next_step
from experiments.lifecycle import STARTED, State
from experiments.next_step import DECIDABLE, AfterDecision, BeforeStart

READY = BeforeStart(
    gaps=0, needs_review=False, submitted_by="rosa", starts_at=datetime(2026, 3, 2, 9, tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("state", "at", "place"),
    [
        (State.DRAFT, BeforeStart(gaps=1, needs_review=True), "checklist"),
        (State.DRAFT, BeforeStart(gaps=0, needs_review=True), "step-submit"),
        (State.DRAFT, READY, "step-start"),
        (State.IN_REVIEW, READY, "step-approve"),
        (State.APPROVED, READY, "step-start"),
        (State.SCHEDULED, READY, ""),
    ],
)
def test_before_start__state_and_gaps__place_on_the_plan(state, at, place):
    found = next_step.before_start(state, at)

    assert (found.page, found.at) == ("experiment-plan", place)
    assert bool(found.label) == bool(place)


@pytest.mark.parametrize(("gaps", "said"), [(1, "1 gap keeps it"), (3, "3 gaps keep it")])
def test_before_start__gaps__counted_in_words(gaps, said):
    assert said in next_step.before_start(State.DRAFT, BeforeStart(gaps, needs_review=False)).text


@pytest.mark.parametrize("tone", sorted(DECIDABLE))
def test_in_run__report_recommends_something__stop_it(tone):
    assert next_step.in_run(State.RUNNING, tone).at == "step-stop"


@pytest.mark.parametrize("tone", ["keep-running", "unproven", "do-not-use"])
def test_in_run__nothing_to_decide_yet__read_the_report(tone):
    assert next_step.in_run(State.RUNNING, tone).page == "experiment-report"


def test_in_run__stopped_or_paused__decide_or_resume():
    assert next_step.in_run(State.STOPPED, "ship").label == "Decide"
    assert next_step.in_run(State.PAUSED, "ship").at == "step-resume"


@pytest.mark.parametrize(
    ("state", "at", "place"),
    [
        (State.DECIDED, AfterDecision(is_shipped=True, left=4), "prepare"),
        (State.DECIDED, AfterDecision(is_shipped=True, is_prepared=True, left=4), "step-start-rollout"),
        (State.ROLLING_OUT, AfterDecision(True, True, is_under_way=True, left=4), "step-finish-rollout"),
        (State.ROLLING_OUT, AfterDecision(True, True, left=4), "clean-up"),
        (State.DECIDED, AfterDecision(is_shipped=False, left=1), "clean-up"),
        (State.DECIDED, AfterDecision(is_shipped=False), "step-close"),
    ],
)
def test_after_decision__way_to_everybody__place_on_the_roll_out(state, at, place):
    assert next_step.after_decision(state, at).at == place


def test_after_decision__ramp_waits__what_for_and_where_it_is_steered():
    at = AfterDecision(True, True, is_under_way=True, is_ramping=True, waits_for="step 1 needs approval")

    found = next_step.after_decision(State.ROLLING_OUT, at)

    assert (found.page, found.text) == ("flag", "The ramp waits: step 1 needs approval.")


@pytest.mark.parametrize("state", sorted(set(State) - {State.CLOSED, State.INVALID}))
def test_every_state__something_is_said(state):
    if state in {State.DECIDED, State.ROLLING_OUT}:
        found = next_step.after_decision(state, AfterDecision(is_shipped=True))
    elif state in STARTED:
        found = next_step.in_run(state, "unproven")
    else:
        found = next_step.before_start(state, READY)

    assert found.text
