"""The six checks of a look, in the order in which the report shows them. Pure; the limits are named here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from analysis import comparing
from analysis.engines.contract import Enrolment, Group
from analysis.health import Balance, Context, DataFlow, Finding
from analysis.report.facts import CheckKind
from analysis.report.facts import CheckStatus as Status
from analysis.stats import compare, estimators, sequential, srm
from analysis.stats.results import Estimated, NotEstimable
from analysis.stats.sequential import AlwaysValid
from experiments.plan import Inference

OVERLAP_WARN, OVERLAP_FAIL = 0.001, 0.01
REFUSED_WARN, REFUSED_FAIL = 0.01, 0.05
BALANCE_ALPHA = 0.001
IMBALANCE = AlwaysValid(tau2=0.1**2)
"""Made for a difference of a tenth of the level, the same at every look."""
SMALL_DEVIATION_POINTS, LARGE_UNITS = 0.2, 1_000_000
WEEKDAYS = 7
EXPECTED_UNITS = 20
"""An arm that should have got so many and got none did not get them by chance (e^-20)."""

Check = Callable[[Context], Finding]


def split(context: Context) -> Finding:
    """Do the units arrive in the planned shares? The sequential test holds at every look.

    With more than a million units a deviation below 0.2 points warns only: at that size the test finds
    what moves no result.
    """
    arms = context.plan.arms
    counts = [context.enrolment.units.get(Group(arm.key), 0) for arm in arms]
    weights = [float(arm.weight_ppm) for arm in arms]
    sequential, fixed = srm.e_value(counts, weights), srm.chi_square(counts, weights)
    if isinstance(sequential, NotEstimable) or isinstance(fixed, NotEstimable):
        return Finding(CheckKind.SPLIT, Status.NOT_RUN, "no unit has been enrolled yet")
    is_small = sequential.deviation_points < SMALL_DEVIATION_POINTS and sum(counts) > LARGE_UNITS
    failed = Status.WARN if is_small else Status.FAIL
    by_slice = _mismatched_slices(context, weights)
    return Finding(
        kind=CheckKind.SPLIT,
        status=failed if sequential.mismatch else Status.WARN if by_slice else Status.OK,
        detail=_split_detail(sequential, by_slice),
        statistic=sequential.p_value,
        limit=srm.ALARM_P_VALUE,
        evidence={
            "units": dict(zip((arm.key for arm in arms), counts, strict=True)),
            "planned_shares": {arm.key: arm.share for arm in arms},
            "sequential": sequential.to_dict(),
            "chi_square": fixed.to_dict(),
            "slices": by_slice,
        },
    )


def _split_detail(found: srm.SampleRatio, by_slice: list[str]) -> str:
    text = f"largest deviation from the planned shares {found.deviation_points:.2f} points"
    return f"{text}; shares are off in {', '.join(by_slice)}" if by_slice else text


def _mismatched_slices(context: Context, weights: list[float]) -> list[str]:
    """Slices whose shares are off after Holm over all slices, by the test that holds at every look."""
    slices = {(group.dimension, group.level) for group in context.enrolment.units if group.dimension}
    counts = {
        f"{dimension} {level}": [
            context.enrolment.units.get(Group(arm.key, dimension, level), 0) for arm in context.plan.arms
        ]
        for dimension, level in sorted(slices)
    }
    found = srm.by_dimension(counts, weights, sequential=True)
    return [name for name, of in found.items() if isinstance(of, srm.SampleRatio) and of.mismatch]


def assignment(context: Context) -> Finding:
    """Did units stay in one arm? Those seen in two are left out of every number, whichever came first."""
    enrolment = context.enrolment
    everyone = _enrolled(enrolment) + enrolment.crossovers + enrolment.unplanned
    if not everyone:
        return Finding(CheckKind.ASSIGNMENT, Status.NOT_RUN, "no unit has been enrolled yet")
    if context.is_imported:
        detail = "computed elsewhere; units in more than one arm are not known"
        return Finding(CheckKind.ASSIGNMENT, Status.WARN, detail)
    overlap, unplanned = enrolment.crossovers / everyone, enrolment.unplanned / everyone
    worst = max(overlap, unplanned)
    return Finding(
        kind=CheckKind.ASSIGNMENT,
        status=_graded(worst, OVERLAP_WARN, OVERLAP_FAIL),
        detail=f"{enrolment.crossovers} units in more than one arm, {enrolment.unplanned} in no planned arm",
        statistic=worst,
        limit=OVERLAP_FAIL,
        evidence={
            "crossovers": enrolment.crossovers,
            "crossover_share": overlap,
            "unplanned": enrolment.unplanned,
            "unplanned_share": unplanned,
            "forced": enrolment.forced,
        },
    )


def data(context: Context) -> Finding:
    """Is anything missing? Silent days, arms that went silent, refused events, batches not stored yet,
    metrics without any event or with none in one arm."""
    if not _enrolled(context.enrolment):
        return Finding(CheckKind.DATA, Status.NOT_RUN, "no unit has been enrolled yet")
    if context.is_imported:
        return Finding(CheckKind.DATA, Status.WARN, "computed elsewhere; what was lost there is not known")
    flow, gaps = context.flow, _gaps(context)
    arrived = flow.accepted + flow.refused
    refused = flow.refused / arrived if arrived else 0.0
    return Finding(
        kind=CheckKind.DATA,
        status=_worst(_graded(refused, REFUSED_WARN, REFUSED_FAIL), _status_of_gaps(context, gaps)),
        detail=_data_detail(flow, refused, gaps),
        statistic=refused,
        limit=REFUSED_FAIL,
        evidence={
            "silent_days": [day.isoformat() for day in flow.silent_days],
            "days": flow.days,
            "accepted": flow.accepted,
            "refused": flow.refused,
            "waiting_batches": flow.waiting,
            "arms_without_units": [f"{arm} on {day.isoformat()}" for day, arm in gaps.silent_arms],
            "metrics_without_events": list(gaps.absent),
            "metrics_missing_in_an_arm": list(gaps.one_sided),
        },
    )


@dataclass(frozen=True, slots=True)
class _Gaps:
    """`silent_arms`: days on which an arm got nobody although the others did. `absent`: metrics without an
    event. `one_sided`: metrics with events in some arms and none in others."""

    silent_arms: tuple[tuple[date, str], ...]
    absent: tuple[str, ...]
    one_sided: tuple[str, ...]


def _gaps(context: Context) -> _Gaps:
    active = {binding.metric: context.active.get(binding.metric, {}) for binding in context.plan.bindings}
    some = {metric: sum(by_arm.values()) for metric, by_arm in active.items()}
    return _Gaps(
        silent_arms=tuple(_silent_arms(context)),
        absent=tuple(metric for metric, units in some.items() if not units),
        one_sided=tuple(
            f"{metric} in {arm.key}"
            for metric, by_arm in active.items()
            for arm in context.plan.arms
            if not by_arm.get(arm.key) and some[metric] * arm.share >= EXPECTED_UNITS
        ),
    )


def _silent_arms(context: Context) -> Iterator[tuple[date, str]]:
    """Days on which so many units came that every arm should have got some."""
    by_day = context.enrolment.by_day
    for day in sorted({day for day, _ in by_day}):
        everybody = sum(n for (of, _), n in by_day.items() if of == day)
        for arm in context.plan.arms:
            if not by_day.get((day, arm.key)) and everybody * arm.share >= EXPECTED_UNITS:
                yield day, arm.key


def _status_of_gaps(context: Context, gaps: _Gaps) -> Status:
    """Without one event of any metric the events do not arrive, or under other unit ids."""
    has_no_outcome = len(gaps.absent) == len({binding.metric for binding in context.plan.bindings})
    if context.flow.silent_days or gaps.silent_arms or has_no_outcome:
        return Status.FAIL
    return Status.WARN if context.flow.waiting or gaps.absent or gaps.one_sided else Status.OK


def _data_detail(flow: DataFlow, refused: float, gaps: _Gaps) -> str:
    parts = [f"{refused:.2%} of events refused"]
    if flow.silent_days:
        parts.append(f"no events on {len(flow.silent_days)} of {flow.days} days")
    if gaps.silent_arms:
        day, arm = gaps.silent_arms[0]
        parts.append(f"no units in {arm} on {day.isoformat()}")
    if flow.waiting:
        parts.append(f"{flow.waiting} batches not stored yet")
    if gaps.absent:
        parts.append(f"no events for {', '.join(gaps.absent)}")
    if gaps.one_sided:
        parts.append(f"no events for {', '.join(gaps.one_sided)}")
    return "; ".join(parts)


def before(context: Context) -> Finding:
    """Were the arms alike before the first exposure? Every pre-period, by a test that holds at every look;
    Bonferroni over all."""
    p_values = {
        f"{balance.metric}, {arm}": p_value
        for balance in context.balances
        for arm, p_value in _pre_period_p_values(context, balance).items()
    }
    if not p_values:
        return Finding(CheckKind.BEFORE, Status.NOT_RUN, "no metric has a pre-period with events")
    worst = min(p_values, key=lambda name: (p_values[name], name))
    limit = BALANCE_ALPHA / len(p_values)
    return Finding(
        kind=CheckKind.BEFORE,
        status=Status.FAIL if p_values[worst] < limit else Status.OK,
        detail=f"{len(p_values)} pre-periods compared; largest difference in {worst}",
        statistic=p_values[worst],
        limit=limit,
        evidence={"p_values": p_values},
    )


def _pre_period_p_values(context: Context, balance: Balance) -> dict[str, float]:
    means = {arm: estimators.mean(moments) for arm, moments in balance.moments.items()}
    found = {}
    for arm in context.plan.treatments:
        if arm.key in means and context.plan.control in means:
            p_value = _imbalance(means[context.plan.control], means[arm.key])
            if p_value is not None:
                found[arm.key] = p_value
    return found


def _imbalance(control: Estimated, treatment: Estimated) -> float | None:
    """Always-valid p value of no difference; None where there is none to test. Without a positive level the
    spread of a unit takes its place."""
    compared = compare.difference(control, treatment)
    if isinstance(compared, NotEstimable) or isinstance(control, NotEstimable):
        return None
    spread = math.sqrt(control.variance * (control.units or 1))
    unit = sequential.clock_unit(control, treatment) or spread or compared.standard_error
    found = IMBALANCE.of(compared, unit=unit)
    return None if isinstance(found, NotEstimable) else found.p_value


def duration(context: Context) -> Finding:
    """Has it run as long as planned? Weekdays are those the run went through, whenever units first came: a
    closed cohort behaves on all of them too."""
    started_at = context.plan.started_at
    days = (context.cut - started_at) / timedelta(days=1) if started_at else 0.0
    weekdays = min(int(days), WEEKDAYS)
    return Finding(
        kind=CheckKind.DURATION,
        status=Status.OK if days >= context.plan.min_days else Status.WARN,
        detail=f"{days:.1f} of at least {context.plan.min_days} days, {weekdays} of 7 weekdays",
        statistic=days,
        limit=float(context.plan.min_days),
        evidence={"weekdays": weekdays},
    )


def looks(context: Context) -> Finding:
    """Do the intervals hold although somebody looked before? Fixed ones hold once, at the planned end."""
    if context.plan.inference is Inference.ALWAYS_VALID:
        return Finding(CheckKind.LOOKS, Status.OK, f"look {context.look}; intervals hold at every look")
    status, detail = _of_fixed(context)
    return Finding(
        kind=CheckKind.LOOKS,
        status=status,
        detail=f"look {context.look}; {detail}",
        evidence={"inference": context.plan.inference.value, "look": context.look},
    )


def _of_fixed(context: Context) -> tuple[Status, str]:
    """Status and words for a plan of one look."""
    units = min(context.enrolment.units.get(Group(arm.key), 0) for arm in context.plan.arms)
    if not comparing.has_ended(context.plan, units=units, cut=context.cut):
        return Status.WARN, "intervals hold at the planned end only"
    if context.is_after_end:
        return Status.OK, "the planned look was made before; these intervals hold at every look"
    return Status.OK, "the planned end is reached"


def _enrolled(enrolment: Enrolment) -> int:
    return sum(n for group, n in enrolment.units.items() if not group.dimension)


def _graded(share: float, warn: float, fail: float) -> Status:
    return Status.FAIL if share >= fail else Status.WARN if share >= warn else Status.OK


def _worst(first: Status, second: Status) -> Status:
    order = (Status.OK, Status.WARN, Status.FAIL)
    return max(first, second, key=order.index)


CHECKS: tuple[Check, ...] = (split, assignment, data, before, duration, looks)


def run_all(context: Context) -> tuple[Finding, ...]:
    return tuple(check(context) for check in CHECKS)
