"""The one step that comes next in the life of an experiment, and where it is taken. Pure.

Every page of an experiment says it at its head, so that nobody has to know the life cycle by heart.
"""

from dataclasses import dataclass
from datetime import datetime

from experiments.lifecycle import State

DECIDABLE = frozenset({"ship", "roll-back", "decide", "no-effect", "inconclusive"})
"""Tones of verdicts on which something can be decided; see `analysis.report.vocabulary`."""


@dataclass(frozen=True, slots=True)
class Next:
    """`label` names the link, empty while there is only waiting; `page` is the name of its address and `at`
    the id of the place on that page."""

    text: str
    label: str = ""
    page: str = "experiment-plan"
    at: str = ""


@dataclass(frozen=True, slots=True)
class BeforeStart:
    """`gaps` of the checklist keep it from starting; `submitted_by` asked for approval."""

    gaps: int
    needs_review: bool
    submitted_by: str = ""
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AfterDecision:
    """`waits_for` is what the ramp of the roll-out waits for; `left` counts what is to be cleaned up."""

    is_shipped: bool
    is_prepared: bool = False
    is_under_way: bool = False
    is_ramping: bool = False
    waits_for: str = ""
    left: int = 0


def before_start(state: State, at: BeforeStart) -> Next:
    """From the draft to the start."""
    if state is State.SCHEDULED:
        return Next(f"It starts by itself at {at.starts_at:%Y-%m-%d %H:%M} UTC.")
    if state is State.IN_REVIEW:
        return Next(f"Somebody other than {at.submitted_by} approves the plan.", "Approve", at="step-approve")
    if at.gaps:
        said = "1 gap keeps" if at.gaps == 1 else f"{at.gaps} gaps keep"
        return Next(f"{said} it from starting.", "See what is missing", at="checklist")
    if state is State.DRAFT and at.needs_review:
        return Next("The plan is complete; somebody else approves it.", "Submit the plan", at="step-submit")
    return Next("Everything is there.", "Start it", at="step-start")


def in_run(state: State, verdict_tone: str) -> Next:
    """From the start to the decision."""
    if state is State.PAUSED:
        return Next("It is paused.", "Resume it", at="step-resume")
    if state is State.STOPPED:
        return Next("It has stopped; decide on its newest report.", "Decide", "experiment-report")
    if verdict_tone in DECIDABLE:
        return Next("The report recommends something: stop it, then decide.", "Stop it", at="step-stop")
    waits = "It collects data; the report says when there is enough."
    return Next(waits, "Read the report", "experiment-report")


def after_decision(state: State, at: AfterDecision) -> Next:
    """From the decision to the last line of clean-up."""
    if state is State.ROLLING_OUT and at.is_under_way:
        return _on_the_way(at)
    if at.is_shipped and state is State.DECIDED and at.is_prepared:
        return Next("The roll-out is prepared.", "Start it", "experiment-rollout", "step-start-rollout")
    if at.is_shipped and state is State.DECIDED:
        return Next("Prepare its way to everybody.", "Prepare it", "experiment-rollout", "prepare")
    if at.left:
        said = "1 thing is" if at.left == 1 else f"{at.left} things are"
        return Next(f"{said} left to clean up.", "Clean up", "experiment-rollout", "clean-up")
    return Next("Everything is cleaned up.", "Close it", "experiment-rollout", "step-close")


def _on_the_way(at: AfterDecision) -> Next:
    if not at.is_ramping:
        said = "Its ramp is over, so that it can become the default for everybody."
        return Next(said, "Finish the roll-out", "experiment-rollout", "step-finish-rollout")
    waits = f"The ramp waits: {at.waits_for}." if at.waits_for else "The clock takes its steps."
    return Next(waits, "See the ramp", "flag")
