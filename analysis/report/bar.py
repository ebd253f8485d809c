"""The verdict bar: the verdict's sentences, generated from the rule's trace, inside 45 words.

One builder per verdict, fed with the arm that decided. The bar never says more than the clause that held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis.report import figures, numbers, progress, sentences, vocabulary
from analysis.report.facts import ReportFacts
from analysis.report.states import Judged, State
from analysis.report.verdict import AGREEMENT, MOVED, PRICE, ArmVerdict, Case, Conclusion, Verdict, stops_use
from analysis.report.vocabulary import Sign

Say = Callable[[ReportFacts, Conclusion, ArmVerdict], list[str]]


def sign(conclusion: Conclusion) -> Sign:
    """The verdict's word; safe roll-outs and ablations have words of their own."""
    is_safety_only = not conclusion.deciding[0].case.success
    if conclusion.verdict is Verdict.SHIP and is_safety_only:
        return vocabulary.SAFE
    own = _OWN_SIGNS.get((conclusion.rule.name, conclusion.verdict))
    return own or vocabulary.VERDICTS[conclusion.verdict]


def say(facts: ReportFacts, conclusion: Conclusion) -> list[str]:
    """All sentences of the bar, the most important first; the page shows those that fit."""
    lead = leading(conclusion)
    own = _OWN_WORDS.get((conclusion.rule.name, conclusion.verdict))
    return (own or _SAY[conclusion.verdict])(facts, conclusion, lead)


def leading(conclusion: Conclusion) -> ArmVerdict:
    """The arm the bar speaks of: among those that decided, the one with the largest gain."""
    return max(conclusion.deciding, key=lambda arm: _gain(arm.case))


def _gain(case: Case) -> float:
    return max((each.effect.point for each in case.gains if each.effect), default=0.0)


def _do_not_use(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    stopping = [check for check in lead.case.checks if stops_use(check)]
    first = stopping[0]
    label, word = vocabulary.LABELS[first.kind].lower(), vocabulary.CHECKS[first.status].word
    said = f"These numbers cannot be trusted because the {label} check {_did(word)}: {_ended(first.detail)}"
    others = [vocabulary.LABELS[check.kind].lower() for check in stopping[1:]]
    return [said, *([f"Also failed or not run: {', '.join(others)}."] if others else [])]


def _roll_back(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    harmed = [each for each in lead.case.blocking if each.state is State.HARM]
    worst = next((each for each in harmed if each.is_confirmed), harmed[0])
    said = f"Harm found{_in(conclusion, lead)}: {sentences.change(worst)}"
    return [said, *_and_more(harmed, "harmed"), *(sentences.change(each) for each in lead.case.gains[:1])]


def _keep_running(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    begin = f"Not enough data yet{_in(conclusion, lead)}: "
    if lead.case.is_too_early:
        return [begin + _too_early(facts, lead.case), *_readable(facts)]
    expected = progress.forecast(facts, lead.case)
    if lead.case.unproven:
        said = [f"{begin}{sentences.risk(lead.case.unproven[0], verb='is ')}."]
        said += _and_more(lead.case.unproven, "not proven safe")
        return [*said, *([f"Expected {expected.text}, if harmless."] if expected else [])]
    shown = (*lead.case.success, *lead.case.judged)
    said = [begin + (f"{sentences.possible(shown[0])}." if shown else "no metric has decided.")]
    end = progress.run_ends(facts)
    return [*said, *([f"The run ends by {end.date()}."] if end else [])]


def _too_early(facts: ReportFacts, case: Case) -> str:
    days = progress.days_text(facts)
    least = facts.plan.min_days
    if progress.has_stopped(facts):
        return f"stopped after {days} of at least {least} days."
    if progress.is_short(facts):
        return f"{days} of at least {least} days."
    detail = next((check.detail for check in case.checks if check.kind.value == "duration"), "")
    return _ended(detail)


def _readable(facts: ReportFacts) -> list[str]:
    if progress.has_stopped(facts) or not progress.is_short(facts):
        return []
    first = progress.minimum_ends(facts)
    return [f"Readable from {first.date()} at the earliest."] if first else []


def _ship(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    blocking = lead.case.blocking
    passed = _passed(len(blocking))
    begin = f"Ship{_arm(conclusion, lead)}: "
    said = [sentences.change(each) for each in lead.case.gains]
    noted = [each for each in blocking if each.state is State.WITHIN]
    notes = [sentences.change(each) for each in noted[:1]]
    if not said:
        held = [sentences.change(each) for each in blocking if each not in noted]
        return [begin + passed, *notes, *held[:1]]
    return [begin + said[0], *([passed] if blocking else []), *notes, *said[1:2]]


def _passed(blocking: int) -> str:
    if blocking == 1:
        return "The blocking guardrail passed."
    return f"All {numbers.count(blocking)} blocking guardrails passed."


def _decide(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    case = lead.case
    risks = [*case.deteriorated, *case.unproven, *case.final_but_worse]
    against = sentences.risk(risks[0]) if risks else _slice_risk(case)
    gained = sentences.gain(case.gains[0]) if case.gains else "a change that is safe overall"
    said = f"Your call{_in(conclusion, lead)}: {gained} against {against}."
    return [said, *_and_more(risks, "at risk")]


def _slice_risk(case: Case) -> str:
    found = case.harmed_slices[0]
    overall = next(each for each in case.judged if each.binding.metric == found.metric)
    text = figures.slice_text(overall, found.difference)
    return f"harm in the slice {found.dimension} {found.level}: {overall.binding.definition.title} {text}"


def _no_effect(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    first = lead.case.success[0]
    shown = figures.figures(first)
    size = sentences.gain_text(first, shown)
    title = first.binding.definition.title
    said = f"We can rule out a change bigger than {size} in {title}{_in(conclusion, lead)}"
    span = f" ({shown.span()} plausible)" if shown else ""
    return [f"{said}{span}.", *_and_more(lead.case.success, "inside its gain")]


def _inconclusive(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    begin = f"We could not tell{_in(conclusion, lead)}: "
    shown = (*lead.case.success, *lead.case.unproven, *lead.case.judged)
    if not shown:
        return [f"{begin}the plan binds no metric."]
    said = [f"{begin}{sentences.possible(shown[0])}."]
    unproven = [each for each in lead.case.unproven if each is not shown[0]]
    return said + [f"{sentences.risk(each, verb='is ')}." for each in unproven[:1]]


def _price(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    moved = [each for each in lead.case.success if each.state in MOVED]
    causes = [each for each in lead.case.judged if not each.is_success and each.effect is not None]
    said = f"The price{_in(conclusion, lead)}: {sentences.change(moved[0])}"
    return [said, *(f"The dose: {sentences.change(each)}" for each in causes[:1])]


def _cost(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    """What 100 ms cost, where somebody can say it in money; the numbers behind it follow."""
    found = facts.worth
    if found is None or found.per_100_ms is None:
        return _price(facts, conclusion, lead)
    cost = numbers.money(found.per_100_ms.low_minor, found.per_100_ms.high_minor, found.currency, sign=False)
    return [f"100 ms slower costs {cost} a year.", *_price(facts, conclusion, lead)]


def _stopped(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    return [f"A stop rule of the ablation was reached: {_ended(stop)}" for stop in lead.case.stops]


def _agreed(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    known = [each for each in lead.case.judged if each.effect is not None]
    what = f"no difference found on {_things(len(known), 'metric')}"
    return [f"Nothing was changed and {what}{_in(conclusion, lead)}: the machinery agrees with itself."]


def _disagreed(facts: ReportFacts, conclusion: Conclusion, lead: ArmVerdict) -> list[str]:
    moved = [each for each in lead.case.judged if each.state in MOVED]
    if not moved:
        return _inconclusive(facts, conclusion, lead)
    chance = numbers.share(facts.plan.alpha)
    said = f"Nothing was changed, and yet{_in(conclusion, lead)} {sentences.change(moved[0])}"
    by_chance = f"For any one metric chance does this in up to {chance} of such tests"
    return [said, f"{by_chance}; find out which it is."]


_OWN_SIGNS: dict[tuple[str, Verdict], Sign] = {
    (PRICE.name, Verdict.DECIDE): vocabulary.PRICED,
    (AGREEMENT.name, Verdict.NO_EFFECT): vocabulary.AGREED,
    (AGREEMENT.name, Verdict.INCONCLUSIVE): vocabulary.DISAGREED,
}
_OWN_WORDS: dict[tuple[str, Verdict], Say] = {
    (PRICE.name, Verdict.DECIDE): _cost,
    (PRICE.name, Verdict.ROLL_BACK): _stopped,
    (AGREEMENT.name, Verdict.NO_EFFECT): _agreed,
    (AGREEMENT.name, Verdict.INCONCLUSIVE): _disagreed,
}
_SAY: dict[Verdict, Say] = {
    Verdict.DO_NOT_USE: _do_not_use,
    Verdict.ROLL_BACK: _roll_back,
    Verdict.KEEP_RUNNING: _keep_running,
    Verdict.SHIP: _ship,
    Verdict.DECIDE: _decide,
    Verdict.NO_EFFECT: _no_effect,
    Verdict.INCONCLUSIVE: _inconclusive,
}


def _in(conclusion: Conclusion, lead: ArmVerdict) -> str:
    """Names the arm where there are several."""
    return f" in {lead.case.arm}" if len(conclusion.arms) > 1 else ""


def _arm(conclusion: Conclusion, lead: ArmVerdict) -> str:
    return f" {lead.case.arm}" if len(conclusion.arms) > 1 else ""


def _and_more(found: Sequence[Judged], word: str) -> list[str]:
    others = len(found) - 1
    if others < 1:
        return []
    return [f"{numbers.count(others)} more {'is' if others == 1 else 'are'} {word}."]


def _things(number: int, noun: str) -> str:
    return f"{numbers.count(number)} {noun}{'' if number == 1 else 's'}"


def _did(word: str) -> str:
    return "was not made" if word == "not run" else word


def _ended(text: str) -> str:
    return text.rstrip(".") + "."
