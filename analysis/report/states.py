"""The state of one metric in one arm: what its interval allows to say about it.

Table of rules over an effect whose plus is desirable, the largest loss accepted (margin m) and the smallest
worthwhile gain (g). A metric that cannot be estimated never passes. No verdicts, no wording of sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from analysis.report import effects
from analysis.report.effects import Effect
from analysis.report.facts import FALSE_DISCOVERY_RATE, ArmResult, Harm, MetricFacts, Reading
from analysis.stats.results import Inference
from experiments.plan import Binding, Role
from metrics.definitions import Direction

SUCCESS = frozenset({Role.PRIMARY, Role.SUCCESS})
ALARMING = frozenset({Role.GUARDRAIL, Role.DETERIORATION})


class State(StrEnum):
    BETTER = "better"
    HELD = "held"
    WITHIN = "worse_within_limit"
    NOT_PROVEN = "not_proven"
    HARM = "harm"
    NOT_DETECTED = "not_detected"
    NEUTRAL = "neutral"
    WORSE = "worse"
    CHANGED = "changed"
    """A metric of which neither way is better has moved."""
    CANNOT_SAY = "cannot_say"
    """There is no number for a metric that blocks nothing."""


PASSING = frozenset({State.BETTER, State.HELD, State.WITHIN})
"""The states in which a blocking guardrail passes; WITHIN with a note."""

DETERIORATED = frozenset({State.HARM, State.WORSE})


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric in one arm with all that its state came from.

    `margin` and `gain` are sizes in the metric's unit (None: not stated, or a share of an unknown value).
    `is_confirmed`: the whole interval lies beyond the margin. `is_within_gain`: a change bigger than the gain
    is ruled out either way. `is_uncorrected`: better (of a diagnostic metric: changed) on its own, but not
    among all comparisons of its family.
    """

    metric: MetricFacts
    result: ArmResult
    reading: Reading
    effect: Effect | None
    margin: float | None
    gain: float | None
    state: State
    is_confirmed: bool = False
    is_within_gain: bool = False
    is_uncorrected: bool = False

    @property
    def binding(self) -> Binding:
        return self.metric.binding

    @property
    def arm(self) -> str:
        return self.result.arm

    @property
    def is_success(self) -> bool:
        return self.binding.role in SUCCESS

    @property
    def is_blocking(self) -> bool:
        return must_pass(self.binding)

    @property
    def passes(self) -> bool:
        return self.state in PASSING


@dataclass(frozen=True, slots=True)
class Evidence:
    """The four questions every rule asks. "safe": a loss of the margin is ruled out; "beyond": a loss
    smaller than the margin is ruled out."""

    gains: bool
    loses: bool
    safe: bool
    beyond: bool
    within_gain: bool


def must_pass(binding: Binding) -> bool:
    """Is this a guardrail that has to pass before anything ships?"""
    return binding.blocking and binding.role in ALARMING


def judge(metric: MetricFacts, result: ArmResult, *, inference: Inference, alpha: float) -> Judged:
    """The state under the interval of `inference`; `alpha` is the level of the decision family."""
    binding, read = metric.binding, effects.reading(result, inference)
    direction = binding.definition.direction
    effect = effects.oriented(read.difference, direction)
    margin = effects.size_in_unit(binding.margin, metric.control)
    gain = effects.size_in_unit(binding.gain, metric.control)
    if effect is None:
        state = State.NOT_PROVEN if is_guarded(binding) else State.CANNOT_SAY
        return Judged(metric, result, read, None, margin, gain, state)
    found = _evidence(metric, result, read, effect)
    evidence = found if _is_certain(binding, result, alpha) else _corrected(binding, found)
    is_uncorrected = evidence != found
    return Judged(
        metric,
        result,
        read,
        effect,
        margin,
        gain,
        _state(binding, evidence),
        is_confirmed=evidence.loses and evidence.beyond,
        is_within_gain=evidence.within_gain,
        is_uncorrected=is_uncorrected,
    )


def is_guarded(binding: Binding) -> bool:
    """Is the metric held against a limit? Blocking guardrails always are: at zero if no margin is stated."""
    return binding.margin is not None or must_pass(binding)


def _is_certain(binding: Binding, result: ArmResult, alpha: float) -> bool:
    """Is the p value small enough among all of its family? What has no family stands alone."""
    level = {**dict.fromkeys(SUCCESS, alpha), Role.DIAGNOSTIC: FALSE_DISCOVERY_RATE}.get(binding.role)
    return level is None or result.adjusted_p is None or result.adjusted_p <= level


def _corrected(binding: Binding, evidence: Evidence) -> Evidence:
    """What is left of evidence that is not certain in its family: nothing of what was only explored or has no
    better way, no gain of the others. Their loss stays a warning."""
    is_loss = binding.role is not Role.DIAGNOSTIC and binding.definition.direction is not Direction.NONE
    return replace(evidence, gains=False, loses=evidence.loses and is_loss)


def _state(binding: Binding, evidence: Evidence) -> State:
    if binding.definition.direction is Direction.NONE:
        return _undirected(binding, evidence)
    return _guarded(evidence) if is_guarded(binding) else _unguarded(evidence)


def _guarded(evidence: Evidence) -> State:
    if evidence.gains:
        return State.BETTER
    if evidence.loses:
        return State.WITHIN if evidence.safe else State.HARM
    return State.HELD if evidence.safe else State.NOT_PROVEN


def _unguarded(evidence: Evidence) -> State:
    if evidence.gains:
        return State.BETTER
    if evidence.loses:
        return State.WORSE
    return State.NEUTRAL if evidence.within_gain else State.NOT_DETECTED


def _undirected(binding: Binding, evidence: Evidence) -> State:
    """Neither way is better, so neither way can pass as a gain: only staying inside the limit holds."""
    if is_guarded(binding):
        return State.HELD if evidence.safe else State.NOT_PROVEN
    if evidence.gains or evidence.loses:
        return State.CHANGED
    return State.NEUTRAL if evidence.within_gain else State.NOT_DETECTED


def _evidence(metric: MetricFacts, result: ArmResult, read: Reading, effect: Effect) -> Evidence:
    """What the intervals show. A crossed harm boundary shows a loss whatever the two-sided interval says,
    because the monitor has an error budget of its own."""
    is_alarmed = result.monitor.harm is not Harm.NONE and metric.binding.role in ALARMING
    safe, beyond = _against_margin(metric, read, effect)
    return Evidence(
        gains=effect.low > 0,
        loses=effect.high < 0 or (is_alarmed and effect.low <= 0),
        safe=safe,
        beyond=beyond or (is_alarmed and result.monitor.harm is Harm.CONFIRMED),
        within_gain=_is_within_gain(metric, read, effect),
    )


def _against_margin(metric: MetricFacts, read: Reading, effect: Effect) -> tuple[bool, bool]:
    """(loss of the margin ruled out, loss below the margin ruled out).

    A relative margin is a share of an estimated control value, so the contrast treatment - k control decides,
    whose variance knows that. Without a margin the limit is zero.
    """
    binding = metric.binding
    direction = binding.definition.direction
    if binding.margin is not None and binding.margin.relative and direction is not Direction.NONE:
        contrast = effects.oriented(read.contrast, direction)
        return (contrast.low > 0, contrast.high < 0) if contrast else (False, False)
    margin = effects.size_in_unit(binding.margin, metric.control) or 0.0
    if direction is Direction.NONE:
        return effect.is_inside(margin), effect.low > margin or effect.high < -margin
    return effect.low > -margin, effect.high < -margin


def _is_within_gain(metric: MetricFacts, read: Reading, effect: Effect) -> bool:
    binding = metric.binding
    if binding.gain is None:
        return False
    if binding.gain.relative:
        lift = effects.oriented(read.lift, binding.definition.direction)
        return lift is not None and lift.is_inside(binding.gain.value)
    return effect.is_inside(binding.gain.value)
