"""The seven verdicts: fixed precedence, first match wins, with a trace of what was asked and answered.

The rule is a table of clauses over judged metrics and checks. It knows neither numbers' display nor wording
beyond one line per clause. An experiment that is read differently gets a Rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from analysis.report import effects
from analysis.report.facts import CheckFacts, CheckKind, CheckStatus, ReportFacts, SliceFacts
from analysis.report.states import DETERIORATED, Judged, State, judge
from analysis.stats.results import Inference
from experiments.plan import Role
from metrics.definitions import Tier


class Verdict(StrEnum):
    DO_NOT_USE = "DO NOT USE"
    ROLL_BACK = "ROLL BACK"
    KEEP_RUNNING = "KEEP RUNNING"
    SHIP = "SHIP"
    DECIDE = "DECIDE"
    NO_EFFECT = "NO EFFECT LARGE ENOUGH"
    INCONCLUSIVE = "INCONCLUSIVE"


ORDER = tuple(Verdict)

ABLATION, AA = "ablation", "aa"

NEEDED = frozenset({CheckKind.SPLIT, CheckKind.ASSIGNMENT, CheckKind.DATA})
"""Checks without which nothing is decided; pre-periods may not exist for new users."""

PROGRESS = frozenset({CheckKind.DURATION, CheckKind.LOOKS})
"""Checks about when to read the numbers, not whether to trust them."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the clauses look at: one treatment arm of one look."""

    arm: str
    judged: tuple[Judged, ...]
    checks: tuple[CheckFacts, ...]
    harmed_slices: tuple[SliceFacts, ...]
    is_over: bool
    is_too_early: bool
    stops: tuple[str, ...] = ()

    @property
    def success(self) -> tuple[Judged, ...]:
        return tuple(each for each in self.judged if each.is_success)

    @property
    def blocking(self) -> tuple[Judged, ...]:
        return tuple(each for each in self.judged if each.is_blocking)

    @property
    def gains(self) -> tuple[Judged, ...]:
        return tuple(each for each in self.success if each.state is State.BETTER)

    @property
    def unproven(self) -> tuple[Judged, ...]:
        return tuple(each for each in self.blocking if each.state is State.NOT_PROVEN)

    @property
    def deteriorated(self) -> tuple[Judged, ...]:
        """Worse on any metric that decides something."""
        return tuple(each for each in self._deciding if each.state in DETERIORATED)

    @property
    def final_but_worse(self) -> tuple[Judged, ...]:
        """Metrics of the final tier that got worse inside their limit."""
        return tuple(
            each
            for each in self._deciding
            if each.state is State.WITHIN and each.binding.definition.tier is Tier.FINAL
        )

    @property
    def is_worthwhile(self) -> bool:
        """A success metric gained; without any success metric being safe is the whole question."""
        return bool(self.gains) if self.success else bool(self.blocking)

    @property
    def _deciding(self) -> tuple[Judged, ...]:
        return tuple(each for each in self.judged if each.binding.role is not Role.DIAGNOSTIC)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a clause found: does it hold, and for which metrics, checks or slices."""

    holds: bool
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clause:
    """One row of the rule. `question` is asked in this order; the first that holds decides."""

    verdict: Verdict
    question: str
    ask: Callable[[Case], Answer]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    version: int
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the trace."""

    verdict: Verdict
    question: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class ArmVerdict:
    """The verdict on one treatment arm; the last step of the trace decided."""

    verdict: Verdict
    case: Case
    trace: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The verdict of the whole look: the first in precedence among the arms' verdicts, and those arms."""

    verdict: Verdict
    rule: Rule
    inference: Inference
    arms: tuple[ArmVerdict, ...]

    @property
    def deciding(self) -> tuple[ArmVerdict, ...]:
        return tuple(arm for arm in self.arms if arm.verdict is self.verdict)

    @property
    def judged(self) -> tuple[Judged, ...]:
        return tuple(each for arm in self.arms for each in arm.case.judged)


def conclude(facts: ReportFacts) -> Conclusion:
    """Judge every metric in every arm and apply the rule."""
    inference, rule = effects.headline(facts), rule_of(facts.experiment.kind, facts.rule_version)
    arms = tuple(apply(rule, case) for case in _cases(facts, inference))
    worst = min((arm.verdict for arm in arms), key=ORDER.index)
    return Conclusion(worst, rule, inference, arms)


def rule_of(kind: str, version: int | None = None) -> Rule:
    """An ablation makes things worse on purpose to learn the price, an A/A changes nothing: neither ships.

    With `version` the rule as it was when the plan was first judged, so that none changes under a running
    experiment; the one in force where that version is not known.
    """
    newest = {ABLATION: PRICE, AA: AGREEMENT}.get(kind, DEFAULT_SHIP)
    same = (rule for rule in RULES if rule.name == newest.name and rule.version == version)
    return next(same, newest)


def apply(rule: Rule, case: Case) -> ArmVerdict:
    """Ask the clauses in order until one holds; the last one always does."""
    trace: list[Step] = []
    for clause in rule.clauses:
        trace.append(Step(clause.verdict, clause.question, clause.ask(case)))
        if trace[-1].answer.holds:
            break
    return ArmVerdict(trace[-1].verdict, case, tuple(trace))


def all_checks(facts: ReportFacts) -> tuple[CheckFacts, ...]:
    """The six checks in the page's order; one that nobody made is "not run"."""
    made = {check.kind: check for check in facts.checks}
    missing = "this check has not been made at this look"
    return tuple(made.get(kind) or CheckFacts(kind, CheckStatus.NOT_RUN, missing) for kind in CheckKind)


def stops_use(check: CheckFacts) -> bool:
    """Does this check alone mean that the numbers must not be used?"""
    if check.kind in PROGRESS:
        return False
    return check.status is CheckStatus.FAIL or (check.status is CheckStatus.NOT_RUN and check.kind in NEEDED)


def is_harmed(found: SliceFacts, overall: Judged) -> bool:
    """A flagged slice in which the loss is certain and may exceed the limit."""
    effect = effects.oriented(found.difference, overall.binding.definition.direction)
    if effect is None or not found.flagged:
        return False
    return effect.high < 0 and effect.low <= -(overall.margin or 0.0)


def _cases(facts: ReportFacts, inference: Inference) -> Iterable[Case]:
    checks = all_checks(facts)
    judged = [
        judge(metric, result, inference=inference, alpha=facts.plan.alpha)
        for metric, result in effects.planned_results(facts)
    ]
    for arm in facts.plan.treatments:
        mine = tuple(each for each in judged if each.arm == arm.key)
        yield Case(
            arm=arm.key,
            judged=mine,
            checks=checks,
            harmed_slices=_harmed_slices(facts, mine),
            is_over=effects.is_over(facts),
            is_too_early=_is_too_early(facts, checks),
            stops=facts.experiment.stops,
        )


def _harmed_slices(facts: ReportFacts, judged: tuple[Judged, ...]) -> tuple[SliceFacts, ...]:
    if facts.slices is None:
        return ()
    return tuple(
        found
        for found in facts.slices.slices
        for overall in judged
        if (found.metric, found.arm) == (overall.binding.metric, overall.arm) and is_harmed(found, overall)
    )


def _is_too_early(facts: ReportFacts, checks: tuple[CheckFacts, ...]) -> bool:
    """Before the minimum duration or before every weekday was seen."""
    is_short = effects.elapsed(facts) < timedelta(days=facts.plan.min_days)
    unmet = (CheckStatus.WARN, CheckStatus.FAIL)
    return is_short or any(check.kind is CheckKind.DURATION and check.status in unmet for check in checks)


def _titles(judged: Iterable[Judged]) -> tuple[str, ...]:
    return tuple(each.binding.definition.title for each in judged)


def _cannot_be_trusted(case: Case) -> Answer:
    stopping = tuple(check for check in case.checks if stops_use(check))
    return Answer(bool(stopping), tuple(f"{check.kind.value} {check.status.value}" for check in stopping))


def _is_harmful(case: Case) -> Answer:
    harmed = [each for each in case.blocking if each.state is State.HARM]
    return Answer(bool(harmed), _titles(harmed))


def _is_early(case: Case) -> Answer:
    if case.is_too_early:
        return Answer(True, ("minimum duration not reached",))
    return Answer(bool(case.unproven) and not case.is_over, _titles(case.unproven))


def _may_ship(case: Case) -> Answer:
    against = (*case.deteriorated, *case.final_but_worse)
    passes = all(each.passes for each in case.blocking)
    holds = case.is_worthwhile and passes and not against and not case.harmed_slices
    return Answer(holds, _titles(case.gains if case.success else case.blocking) if holds else ())


def _is_trade_off(case: Case) -> Answer:
    """A gain against a risk. Where safety was the whole question an unproven guardrail is no trade."""
    at_end = case.unproven if case.is_over else ()
    risks = (*case.deteriorated, *case.final_but_worse)
    slices = tuple(f"{found.dimension} {found.level}" for found in case.harmed_slices)
    is_gain = bool(case.gains) or (not case.success and case.is_worthwhile and not case.unproven)
    holds = is_gain and bool(at_end or risks or slices)
    return Answer(holds, (*_titles(at_end), *_titles(risks), *slices) if holds else ())


def _is_without_effect(case: Case) -> Answer:
    holds = case.is_over and bool(case.success) and all(each.is_within_gain for each in case.success)
    return Answer(holds, _titles(case.success) if holds else ())


def _still_runs(case: Case) -> Answer:
    return Answer(not case.is_over, () if case.is_over else ("no clause decided and the run is not over",))


def _is_unfinished(case: Case) -> Answer:
    if case.is_too_early:
        return Answer(True, ("minimum duration not reached",))
    return _still_runs(case)


def _has_price(case: Case) -> Answer:
    moved = tuple(each for each in case.success if each.state in MOVED)
    return Answer(bool(moved), _titles(moved))


def _has_to_stop(case: Case) -> Answer:
    """Harm is expected; only the stop rules end it."""
    return Answer(bool(case.stops), case.stops)


def _agree(case: Case) -> Answer:
    """Nothing moved, on any metric that has a number."""
    moved = tuple(each for each in case.judged if each.state in MOVED or each.state is State.HARM)
    known = tuple(each for each in case.judged if each.effect is not None)
    return Answer(bool(known) and not moved, _titles(known))


def _always(case: Case) -> Answer:
    return Answer(True, _titles(case.success or case.blocking))


MOVED = DETERIORATED | {State.BETTER, State.WITHIN, State.CHANGED}

DEFAULT_SHIP = Rule(
    name="default-ship",
    version=1,
    clauses=(
        Clause(Verdict.DO_NOT_USE, "A check of the data failed or was not made?", _cannot_be_trusted),
        Clause(Verdict.ROLL_BACK, "A blocking guardrail shows harm?", _is_harmful),
        Clause(
            Verdict.KEEP_RUNNING, "Too early, or a blocking guardrail not proven before the end?", _is_early
        ),
        Clause(Verdict.SHIP, "A gain, every blocking guardrail passes, nothing else got worse?", _may_ship),
        Clause(Verdict.DECIDE, "A gain against a risk?", _is_trade_off),
        Clause(Verdict.NO_EFFECT, "At the end, every success metric inside its gain?", _is_without_effect),
        Clause(Verdict.KEEP_RUNNING, "Is the run still going on?", _still_runs),
        Clause(Verdict.INCONCLUSIVE, "Nothing of the above.", _always),
    ),
)

PRICE = Rule(
    name="price",
    version=2,
    clauses=(
        Clause(Verdict.DO_NOT_USE, "A check of the data failed or was not made?", _cannot_be_trusted),
        Clause(Verdict.ROLL_BACK, "Was a stop rule of the ablation reached?", _has_to_stop),
        Clause(Verdict.KEEP_RUNNING, "Too early, or is the run still going on?", _is_unfinished),
        Clause(Verdict.DECIDE, "Did an outcome move, so that the delay has a price?", _has_price),
        Clause(Verdict.NO_EFFECT, "Every outcome inside its gain?", _is_without_effect),
        Clause(Verdict.INCONCLUSIVE, "Nothing of the above.", _always),
    ),
)

AGREEMENT = Rule(
    name="agreement",
    version=1,
    clauses=(
        Clause(Verdict.DO_NOT_USE, "A check of the data failed or was not made?", _cannot_be_trusted),
        Clause(Verdict.KEEP_RUNNING, "Too early, or is the run still going on?", _is_unfinished),
        Clause(Verdict.NO_EFFECT, "Do the arms agree on every metric?", _agree),
        Clause(Verdict.INCONCLUSIVE, "Nothing of the above.", _always),
    ),
)

PRICE_1 = Rule("price", 1, tuple(clause for clause in PRICE.clauses if clause.ask is not _has_to_stop))
"""As it was before ablations had stop rules."""

RULES: tuple[Rule, ...] = (DEFAULT_SHIP, PRICE, PRICE_1, AGREEMENT)
"""Every rule and version that ever judged a report, the ones in force first of their name."""

IN_FORCE: tuple[Rule, ...] = (DEFAULT_SHIP, PRICE, AGREEMENT)
