"""Which comparison an event with an unaffected slice gets, and the slope that follows. Pure rules.

1. Five or more unaffected slices with a value on every day: synthetic control, a mix of them that ran like
   the affected one before.
2. Unless the mix followed the affected slice worse before than all others together did, or missed it by more
   than the effect: difference in differences against all others together. The same with fewer slices.
Either way against the same weekdays of four weeks before, with placebo dates and a test for a drift; where
there are five slices, the error grows with how far they strayed in those days. What the method that was not
chosen says is kept with the finding.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.stats.impact.donors import (
    LEAST_DONORS,
    DonorExperiment,
    difference_to_donors,
    strayed_in_space,
    widened,
)
from analysis.stats.impact.panels import PoorFit
from analysis.stats.impact.series import (
    BASE_WEEKS,
    LEAST_PLACEBOS,
    WEEK,
    NaturalExperiment,
    difference_of_slices,
    excess,
)
from analysis.stats.results import NotEstimable
from impact.grades import Design, Kind
from impact.history import MOVED_MS, Donor, Estimated, NothingToSay, Value, sure

DAYS_BEFORE = BASE_WEEKS * WEEK
SPILLED = 0.2
"""Share of the affected slice's change in latency beyond which the others count as hit as well."""


def compare(
    values: Sequence[Value], donors: Sequence[Donor], start: int, end: int
) -> Estimated | NothingToSay:
    """The slope of the event on days start <= day < end. Raises InvalidInput for values out of range."""
    needed = DAYS_BEFORE + LEAST_PLACEBOS + (end - start) - 1
    if start < needed:
        return NothingToSay(
            f"the history has {start} unbroken days before the event; four weeks and {LEAST_PLACEBOS} "
            f"placebo dates need {needed}"
        )
    plain = _plain(values, start, end)
    if isinstance(plain, NotEstimable):
        return NothingToSay(f"no slope can be estimated ({plain.why.value.replace('_', ' ')})")
    mixed = _mixed(values, donors, start, end)
    if mixed is not None:
        plain = widened(plain, strayed_in_space([sure(each.outcome) for each in donors], start, end))
    chosen, because = _choice(plain, mixed, _error_before(values, start), len(donors))
    if abs(chosen.latency_change_ms) < MOVED_MS:
        return NothingToSay(f"latency moved by {chosen.latency_change_ms:.0f} ms only")
    design = Design(Kind.NATURAL, True, chosen.placebos, chosen.was_parallel)
    details = {
        **chosen.to_dict(),
        "has_comparison": True,
        "chosen_because": because,
        "spill_over": _spill_over(values, start, end, chosen.latency_change_ms),
        **_fit(mixed, donors),
        **({} if chosen is plain else {"other_method": plain.to_dict()}),
    }
    return Estimated(chosen.per_100_ms, chosen.standard_error, design, chosen.method, details)


def _plain(values: Sequence[Value], start: int, end: int) -> NaturalExperiment | NotEstimable:
    """Against all others together."""
    return difference_of_slices(
        (sure([v.outcome[0] for v in values]), sure([v.outcome[1] for v in values])),
        (sure([v.latency_ms[0] for v in values]), sure([v.latency_ms[1] for v in values])),
        start=start,
        end=end,
    )


def _mixed(
    values: Sequence[Value], donors: Sequence[Donor], start: int, end: int
) -> DonorExperiment | PoorFit | NotEstimable | None:
    """Against a mix of donors; None with too few of them."""
    if len(donors) < LEAST_DONORS or any(min(sure(each.outcome)) <= 0 for each in donors):
        return None
    return difference_to_donors(
        (sure([v.outcome[0] for v in values]), [sure(each.outcome) for each in donors]),
        (sure([v.latency_ms[0] for v in values]), [sure(each.latency_ms) for each in donors]),
        start=start,
        end=end,
    )


def _choice(
    plain: NaturalExperiment,
    mixed: DonorExperiment | PoorFit | NotEstimable | None,
    plain_error: float,
    donors: int,
) -> tuple[NaturalExperiment, str]:
    """The comparison by the rules above, and why."""
    if mixed is None:
        return (
            plain,
            f"difference in differences: a mix needs {LEAST_DONORS} slices that were not hit "
            f"(it has {donors})",
        )
    if isinstance(mixed, PoorFit):
        return plain, (
            f"difference in differences: the mix of {donors} slices missed the affected one by "
            f"{_percent(mixed.error_before)} before, more than the effect of {_percent(mixed.change)}"
        )
    if isinstance(mixed, NotEstimable):
        return plain, f"difference in differences: no mix ({mixed.why.value.replace('_', ' ')})"
    if mixed.error_before > plain_error:
        return plain, (
            f"difference in differences: the mix of {donors} slices was {_percent(mixed.error_before)} off "
            f"a day before, all others together {_percent(plain_error)}"
        )
    return mixed.found, (
        f"synthetic control: the mix of {donors} slices was {_percent(mixed.error_before)} off a day before "
        f"and follows {_percent(mixed.explained_before, 0)} of the affected slice's days; all others "
        f"together were {_percent(plain_error)} off"
    )


def _percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %".replace("-", "−")


def _error_before(values: Sequence[Value], start: int) -> float:
    """Root mean squared daily gap to all others together before the event, levels taken out."""
    hit, others = (np.log(sure([value.outcome[side] for value in values[:start]])) for side in (0, 1))
    return float((hit - others).std())


def _fit(mixed: DonorExperiment | PoorFit | NotEstimable | None, donors: Sequence[Donor]) -> dict[str, Any]:
    """What the mix is made of, heaviest first, and how well it ran; also when it was not chosen."""
    if not isinstance(mixed, DonorExperiment):
        return {}
    named = sorted(zip((each.name for each in donors), mixed.weights, strict=True), key=lambda each: -each[1])
    return {
        "mix": [[name, round(weight, 4)] for name, weight in named if weight >= 0.005],
        "error_before": mixed.error_before,
        "explained_before": mixed.explained_before,
        "in_space": mixed.in_space,
        "space_p_value": mixed.space_p_value,
        "donors": len(mixed.weights),
    }


def _spill_over(values: Sequence[Value], start: int, end: int, moved: float) -> str:
    """Words when the others became slower or faster as well: then the comparison sees too little."""
    others = np.array(sure([value.latency_ms[1] for value in values]))
    also = excess(others, start, end)
    if abs(also) < max(MOVED_MS, SPILLED * abs(moved)):
        return ""
    return f"Latency of the unaffected slices moved by {also:+.0f} ms in the same days."
