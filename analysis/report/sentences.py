"""What is said about one metric and about the whole look: generated, never typed.

Pattern: metric, direction in words, point, interval, limit; then one clause on what is not excluded. Numbers
come from `figures`, so that sentence, row and drawing cannot differ. Nothing here decides anything.
"""

from __future__ import annotations

from analysis.report import figures, numbers, units, vocabulary
from analysis.report.figures import Figures
from analysis.report.states import Judged, State
from analysis.stats.results import Comparison, NotEstimable, Why
from metrics.definitions import Direction


def effect(judged: Judged) -> str:
    """What the look says about one metric in one arm, with what it does not exclude."""
    return " ".join(part for part in (change(judged), not_excluded(judged)) if part)


def change(judged: Judged) -> str:
    """The first half: what moved, by how much, with interval and limit."""
    shown = figures.figures(judged)
    if shown is None:
        return f"{_title(judged)}: no number, {why(judged)}."
    if not shown.is_bounded:
        return f"{_title(judged)}: the data do not bound the change{_limit(judged, shown, ' ({})')}."
    return f"{_title(judged)}{_SAID[judged.state](judged, shown)}."


def not_excluded(judged: Judged) -> str:
    """The largest loss that remains possible; nothing where no loss above the limit is possible."""
    shown = figures.figures(judged)
    if shown is None or judged.state not in _WITH_REMAINDER or not shown.is_bounded:
        return ""
    return f"We cannot rule out {loss_of(judged, shown, _worst(judged, shown))}."


def why(judged: Judged) -> str:
    """Why there is no number, and in which arm it is missing."""
    found = judged.reading.difference
    if not isinstance(found, NotEstimable):
        return ""
    where = {"control": " in the control", "treatment": f" in {judged.arm}"}.get(found.arm, "")
    return f"{vocabulary.REASONS[found.why]}{where}{_inside(judged, found.why)}"


def _inside(judged: Judged, reason: Why) -> str:
    """Units that are missing only because their window is still open."""
    waiting = judged.metric.waiting
    is_short = waiting and reason in (Why.NO_UNITS, Why.TOO_FEW_UNITS)
    return f"; {numbers.count(waiting)} are still inside its window" if is_short else ""


def note(judged: Judged) -> str:
    """The few words under the state: what is ruled out, or what is not."""
    shown = figures.figures(judged)
    if shown is None:
        return why(judged)
    if not shown.is_bounded:
        return "the data do not bound the change"
    return _NOTES.get(judged.state, _no_note)(judged, shown)


def loss_of(judged: Judged, shown: Figures, value: float) -> str:
    """A loss of that size in words: a slowdown of 66 ms, a fall of 0.3 %."""
    definition = judged.binding.definition
    if units.is_time_to_cut(definition):
        return f"a slowdown of {shown.size(value)}"
    if definition.direction is Direction.NONE:
        return f"a change of {shown.size(value)}"
    return f"a {'fall' if definition.direction is Direction.UP else 'rise'} of {shown.size(value)}"


def risk(judged: Judged, verb: str = "") -> str:
    """One metric as a risk, in the middle of a sentence; `verb` "is " makes it a clause of its own."""
    shown = figures.figures(judged)
    begin = f"{_title(judged)} {verb}not proven safe"
    if shown is None:
        return f"{begin}: {why(judged)}"
    if not shown.is_bounded:
        return f"{begin}: the data do not bound the change"
    if judged.state is not State.NOT_PROVEN:
        return f"{_title(judged)}, which {_interval(judged, shown)}"
    possible = loss_of(judged, shown, _worst(judged, shown))
    return f"{begin} ({possible} remains possible{_limit(judged, shown, '; {}')})"


def gain(judged: Judged) -> str:
    """One metric as the gain of a trade-off, in the middle of a sentence."""
    shown = figures.figures(judged)
    return _title(judged) if shown is None else f"{_title(judged)} {_interval(judged, shown)}"


def possible(judged: Judged) -> str:
    """The range that remains possible, for a look that could not tell."""
    shown = figures.figures(judged)
    if shown is None:
        return f"{_title(judged)} has no number, {why(judged)}"
    if not shown.is_bounded:
        return f"the data do not bound the change of {_title(judged)}"
    return f"effects on {_title(judged)} from {shown.span()} remain possible"


def _interval(judged: Judged, shown: Figures) -> str:
    """rose 42 ms (18 to 66 ms slower; limit 30 ms)"""
    limit = _limit(judged, shown, "; {}")
    if shown.crosses_zero:
        return f"{_moved(shown)} {shown.size(shown.point)} ({shown.span()}{limit})"
    return f"{_moved(shown)} {shown.size(shown.point)} ({shown.sizes()}{_pace(judged, shown)}{limit})"


def _said_move(judged: Judged, shown: Figures) -> str:
    if not _is_alarmed(judged):
        return f" {_interval(judged, shown)}"
    return f" {_interval(judged, shown)}; it crossed the harm boundary at look {judged.result.monitor.look}"


def _said_held(judged: Judged, shown: Figures) -> str:
    if not shown.crosses_zero:
        return f" {_interval(judged, shown)}{_uncertain(judged)}"
    worst = loss_of(judged, shown, _worst(judged, shown))
    return f": no change found; {worst} or more is ruled out{_limit(judged, shown, ' ({})')}"


def _said_unproven(judged: Judged, shown: Figures) -> str:
    return f": not proven safe; {shown.span()} remain possible{_limit(judged, shown, ' ({})')}"


def _said_undetected(judged: Judged, shown: Figures) -> str:
    if not shown.crosses_zero:
        return f" {_interval(judged, shown)}{_uncertain(judged)}"
    return f": no change detected; {shown.span()} remain possible"


def _said_neutral(judged: Judged, shown: Figures) -> str:
    return f": a change bigger than {gain_text(judged, shown)} is ruled out ({shown.span()})"


_SAID = {
    State.BETTER: _said_move,
    State.HELD: _said_held,
    State.WITHIN: _said_move,
    State.NOT_PROVEN: _said_unproven,
    State.HARM: _said_move,
    State.NOT_DETECTED: _said_undetected,
    State.NEUTRAL: _said_neutral,
    State.WORSE: _said_move,
    State.CHANGED: _said_move,
    State.CANNOT_SAY: _said_undetected,
}
_WITH_REMAINDER = frozenset({State.HARM, State.WITHIN, State.WORSE, State.NOT_PROVEN})


def _note_ruled_out(judged: Judged, shown: Figures) -> str:
    if judged.is_uncorrected:
        return "not certain among all comparisons"
    return f"{loss_of(judged, shown, _worst(judged, shown))} or more ruled out"


def _note_remaining(judged: Judged, shown: Figures) -> str:
    return f"{loss_of(judged, shown, _worst(judged, shown))} still possible"


def _note_harm(judged: Judged, shown: Figures) -> str:
    if judged.is_confirmed and not shown.crosses_zero:
        least = min(shown.low, shown.high, key=abs)
        return f"{loss_of(judged, shown, least)} or more"
    return _note_remaining(judged, shown)


def _note_undetected(judged: Judged, shown: Figures) -> str:
    return "not certain among all comparisons" if judged.is_uncorrected else f"{shown.span()} still possible"


def _note_neutral(judged: Judged, shown: Figures) -> str:
    return f"a change bigger than {gain_text(judged, shown)} ruled out"


def _no_note(judged: Judged, shown: Figures) -> str:
    return ""


_NOTES = {
    State.HELD: _note_ruled_out,
    State.WITHIN: _note_remaining,
    State.NOT_PROVEN: _note_remaining,
    State.HARM: _note_harm,
    State.WORSE: _note_remaining,
    State.NOT_DETECTED: _note_undetected,
    State.NEUTRAL: _note_neutral,
}


def gain_text(judged: Judged, shown: Figures | None) -> str:
    """The smallest worthwhile effect on the scale that is shown."""
    return figures.stated(judged, shown, is_margin=False)


def limit_text(judged: Judged, shown: Figures | None) -> str:
    """The largest loss accepted on the scale that is shown; empty when none was stated."""
    return figures.stated(judged, shown, is_margin=True)


def _limit(judged: Judged, shown: Figures, pattern: str) -> str:
    text = limit_text(judged, shown)
    return pattern.format(f"limit {text}") if text else ""


def _worst(judged: Judged, shown: Figures) -> float:
    """The end of the interval on the losing side; without a direction the end farther from zero."""
    direction = judged.binding.definition.direction
    if direction is Direction.NONE:
        return max(shown.low, shown.high, key=abs)
    return shown.low if direction is Direction.UP else shown.high


def _moved(shown: Figures) -> str:
    return "rose" if shown.point >= 0 else "fell"


def _pace(judged: Judged, shown: Figures) -> str:
    if not units.is_time_to_cut(judged.binding.definition):
        return ""
    return " slower" if shown.point > 0 else " faster"


def _uncertain(judged: Judged) -> str:
    return ", which is not certain among all comparisons" if judged.is_uncorrected else ""


def _is_alarmed(judged: Judged) -> bool:
    """The monitor found harm at a look while this interval still holds zero."""
    difference = judged.reading.difference
    if not isinstance(difference, Comparison) or judged.result.monitor.look is None:
        return False
    return judged.state is State.HARM and 0 in difference.confidence_interval


def _title(judged: Judged) -> str:
    return judged.binding.definition.title
