"""The six checks of a look, in the order in which the report shows them. Pure; the limits are named here."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

from analysis import comparing, completeness, gaps
from analysis.engines.contract import Enrolment, Group
from analysis.health import Balance, Context, DataFlow, Finding
from analysis.report.facts import CheckKind
from analysis.report.facts import CheckStatus as Status
from analysis.stats import compare, estimators, sequential, srm
from analysis.stats.results import Estimated, NotEstimable
from analysis.stats.sequential import AlwaysValid
from experiments.plan import Inference

OVERLAP_WARN, OVERLAP_FAIL = 0.001, 0.01
MISMATCH_FAIL, MISMATCH_SAMPLE = 0.01, 100
BALANCE_WARN, BALANCE_FAIL = 0.01, 0.001
IMBALANCE = AlwaysValid(tau2=0.1**2)
"""Made for a difference of a tenth of the level, the same at every look."""
SMALL_DEVIATION_POINTS, LARGE_UNITS = 0.2, 1_000_000
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

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
    """Did units stay in one arm, the one that their hash gives them? Those seen in two are left out of every
    number, whichever came first; of a sample the arm was computed again."""
    enrolment, flow = context.enrolment, context.flow
    everyone = _enrolled(enrolment) + enrolment.crossovers + enrolment.unplanned
    if not everyone:
        return Finding(CheckKind.ASSIGNMENT, Status.NOT_RUN, "no unit has been enrolled yet")
    if context.is_imported:
        detail = "computed elsewhere; units in more than one arm are not known"
        return Finding(CheckKind.ASSIGNMENT, Status.WARN, detail)
    overlap, unplanned = enrolment.crossovers / everyone, enrolment.unplanned / everyone
    worst = max(overlap, unplanned)
    detail = f"{enrolment.crossovers} units in more than one arm, {enrolment.unplanned} in no planned arm"
    return Finding(
        kind=CheckKind.ASSIGNMENT,
        status=_worst(_graded(worst, OVERLAP_WARN, OVERLAP_FAIL), _status_of_recomputed(flow)),
        detail=detail + _left_out(enrolment) + _recomputed(flow),
        statistic=worst,
        limit=OVERLAP_FAIL,
        evidence={
            "crossovers": enrolment.crossovers,
            "crossover_share": overlap,
            "unplanned": enrolment.unplanned,
            "unplanned_share": unplanned,
            "forced": enrolment.forced,
            "excluded": enrolment.excluded,
            "untriggered": enrolment.untriggered,
            "recomputed": flow.recomputed,
            "mismatched": flow.mismatched,
        },
    )


def _left_out(enrolment: Enrolment) -> str:
    """Those that the plan itself leaves out."""
    counts = {"excluded by the plan": enrolment.excluded, "without the trigger": enrolment.untriggered}
    return "".join(f", {n} {why}" for why, n in counts.items() if n)


def _status_of_recomputed(flow: DataFlow) -> Status:
    """One in a hundred that was drawn by something else than the hash breaks what every test rests on; a
    small sample with a mismatch is reason to look."""
    if not flow.mismatched:
        return Status.OK
    share = flow.mismatched / flow.recomputed
    return Status.FAIL if share >= MISMATCH_FAIL and flow.recomputed >= MISMATCH_SAMPLE else Status.WARN


def _recomputed(flow: DataFlow) -> str:
    if not flow.recomputed:
        return ""
    matched = flow.recomputed - flow.mismatched
    return f"; {matched} of {flow.recomputed} sampled exposures have the arm that their hash gives"


def data(context: Context) -> Finding:
    """Is anything missing? Silent days and hours, arms that went silent, refused events, batches not stored
    yet, metrics without any event or with none in one arm, events of other ids."""
    if not _enrolled(context.enrolment):
        return Finding(CheckKind.DATA, Status.NOT_RUN, "no unit has been enrolled yet")
    if context.is_imported:
        return Finding(CheckKind.DATA, Status.WARN, "computed elsewhere; what was lost there is not known")
    flow, found = context.flow, gaps.find(context)
    parts = completeness.parts(flow, found)
    return Finding(
        kind=CheckKind.DATA,
        status=completeness.worst(parts),
        detail=completeness.words(parts),
        statistic=completeness.refused_share(flow),
        limit=completeness.REFUSED_FAIL,
        evidence={
            "parts": [part.to_dict() for part in parts],
            "silent_days": [day.isoformat() for day in flow.silent_days],
            "days": flow.days,
            "accepted": flow.accepted,
            "refused": flow.refused,
            "waiting_batches": flow.waiting,
            "arms_without_units": [f"{arm} on {day.isoformat()}" for day, arm in found.silent_arms],
            "silent_hours": list(found.silent_hours),
            "hours_without_events": [hour.isoformat() for hour in found.empty_hours],
            "metrics_without_events": list(found.absent),
            "metrics_missing_in_an_arm": list(found.one_sided),
            "events_of_enrolled_units_share": found.joined_share,
        },
    )


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
    limit = BALANCE_FAIL / len(p_values)
    is_odd = p_values[worst] < BALANCE_WARN / len(p_values)
    return Finding(
        kind=CheckKind.BEFORE,
        status=Status.FAIL if p_values[worst] < limit else Status.WARN if is_odd else Status.OK,
        detail=f"{len(p_values)} pre-periods compared; largest difference in {worst}",
        statistic=p_values[worst],
        limit=limit,
        evidence={"p_values": p_values},
    )


def _pre_period_p_values(context: Context, balance: Balance) -> dict[str, float]:
    """Means, or ratios of sums for metrics that are ratios."""
    estimator = estimators.ratio if balance.is_ratio else estimators.mean
    means = {arm: estimator(moments) for arm, moments in balance.moments.items()}
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
    """Has it run as long as planned, through every weekday? Weekdays are those the run went through, whenever
    units first came: a closed cohort behaves on all of them too. Days without any event cover none."""
    started_at, least = context.plan.started_at, context.plan.min_days
    days = (context.cut - started_at) / timedelta(days=1) if started_at else 0.0
    missing = [name for name in WEEKDAYS if name not in _weekdays(context, int(days))]
    covered = len(WEEKDAYS) - len(missing)
    is_long = days >= least and covered >= min(least, len(WEEKDAYS))
    detail = f"{days:.1f} of at least {least} days, {covered} of 7 weekdays"
    return Finding(
        kind=CheckKind.DURATION,
        status=Status.OK if is_long else Status.WARN,
        detail=f"{detail}; no data on a {', '.join(missing)}" if days >= least and not is_long else detail,
        statistic=days,
        limit=float(least),
        evidence={"weekdays": covered, "weekdays_missing": missing},
    )


def _weekdays(context: Context, days: int) -> set[str]:
    """The weekdays on which whole days of the run began and brought something."""
    if context.plan.started_at is None:
        return set()
    began = [(context.plan.started_at + timedelta(days=day)).date() for day in range(days)]
    return {WEEKDAYS[day.weekday()] for day in began if day not in context.flow.silent_days}


def looks(context: Context) -> Finding:
    """Do the intervals hold although somebody looked before? Fixed ones hold once, at the planned end."""
    status, detail = Status.OK, "intervals hold at every look"
    if context.plan.inference is not Inference.ALWAYS_VALID:
        status, detail = _of_fixed(context)
    if context.earlier_looks:
        status = _worst(status, Status.WARN)
        detail += f"; {context.earlier_looks} looks under earlier plans had error budgets of their own"
    return Finding(
        kind=CheckKind.LOOKS,
        status=status,
        detail=f"look {context.look}; {detail}",
        evidence={
            "inference": context.plan.inference.value,
            "look": context.look,
            "looks_under_earlier_plans": context.earlier_looks,
        },
    )


def _of_fixed(context: Context) -> tuple[Status, str]:
    """Status and words for a plan of one look."""
    units = min(context.enrolment.units.get(Group(arm.key), 0) for arm in context.plan.arms)
    if not comparing.has_ended(context.plan, units=units, cut=context.cut):
        return Status.WARN, "intervals hold at the planned end only"
    if context.is_after_end:
        return Status.WARN, "the planned look was made before and counts; these intervals hold at every look"
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
