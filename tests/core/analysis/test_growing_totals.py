"""Totals without a window, which grow for units already counted: two weeks of looks, truth known.

Each look is judged with what the looks before it left, as the product does; only the reading of files is left
out.
"""

import numpy as np
import pytest

from analysis import pipeline
from analysis.comparing import History
from analysis.engines.contract import Enrolment, Group, Readings
from analysis.health import DataFlow
from analysis.plan import analysis_plan
from analysis.report.facts import ExperimentFacts, Harm
from analysis.report.states import State
from analysis.stats.moments import Moments
from experiments.plan import Role
from metrics.definitions import Direction, Kind
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.store import START, at
from tests.core.analysis.world import definition

HOURS = 14 * 24
LOOKS = (2, 4, 8, 12, 18, *range(24, HOURS + 1, 24))
USERS = 6000
FOUR_ERRORS = 0.12
"""The share by which one arm has to differ so that its total is four standard errors away at the end."""
ORDERS = definition("orders", Kind.COUNT, "purchase", direction=Direction.UP)
ERRORS = definition("errors", Kind.COUNT, "error")
PLAN = locked_plan(
    bindings=(binding(ORDERS, Role.PRIMARY), binding(ERRORS, Role.GUARDRAIL, blocking=True, version_id=2)),
    started_at=START,
    max_days=14,
    planned_units=USERS,
)
FLOW = DataFlow(waiting=0, accepted=1000, refused=0, silent_days=(), days=14)
ABOUT = ExperimentFacts("Prefetch", "rosa", "ab", "users", START)


def totals(random, factor):
    """Events per user to date at each look; rates differ between users for good."""
    arrival = np.sort(random.uniform(0, HOURS, USERS))
    per_hour = factor * random.gamma(1.0, 0.3 / 24, USERS)
    total, before = np.zeros(USERS), 0.0
    for hour in LOOKS:
        here = np.searchsorted(arrival, hour)
        total[:here] += random.poisson(per_hour[:here] * (hour - np.maximum(arrival[:here], before)))
        before = hour
        yield Moments.from_rows(total[:here, None])


def outcomes(seed, *, orders=0.0, errors=0.0):
    """What each look finds; the treatment has so much more of both."""
    random = np.random.default_rng(seed)
    arms = {"control": (1.0, 1.0), "treatment": (1 + orders, 1 + errors)}
    streams = {
        (arm, key): list(totals(random, factor))
        for arm, factors in arms.items()
        for key, factor in zip(("orders", "errors"), factors, strict=True)
    }
    found = []
    for number, hour in enumerate(LOOKS):
        of = {place: listed[number] for place, listed in streams.items()}
        found.append(look(number + 1, hour, of, history(found)))
    return found


def look(number, hour, of, past):
    analysis = analysis_plan(PLAN, until=at(hour))
    moments = {
        metric.vector: {Group(arm): of[arm, metric.key] for arm in ("control", "treatment")}
        for metric in analysis.metrics
    }
    active = {vector: {group: part.n for group, part in by.items()} for vector, by in moments.items()}
    units = {Group(arm): of[arm, "orders"].n for arm in ("control", "treatment")}
    readings = Readings(Enrolment(units, {}), moments, active)
    return pipeline.judge(pipeline.Look(PLAN, analysis, ABOUT, number, readings, FLOW, past))


def history(found):
    """What the looks so far left."""
    listed = {}
    for outcome in found:
        for arm in outcome.arms:
            listed.setdefault((arm.binding.metric, arm.result.arm), []).append((outcome.look.number, arm))
    return {place: _history(arms) for place, arms in listed.items()}


def _history(arms):
    watched = [(number, arm.watch.look) for number, arm in arms if arm.watch.look is not None]
    clock = next((arm.clock for _, arm in arms if arm.clock is not None), None)
    return History(clock, tuple(each for _, each in watched), tuple(number for number, _ in watched))


def result(outcome, metric):
    return next(arm.result for arm in outcome.arms if arm.binding.metric == metric)


def multiplier(result):
    """Half the always-valid interval in standard errors."""
    found = result.always_valid.difference
    return found.confidence_interval.half_width / found.standard_error


def test_looks__same_in_both_arms__alarms_within_the_level_and_nothing_better():
    """5 % is the level of all looks of one experiment: two alarms in twelve are the most to expect."""
    ends = [outcomes(seed) for seed in range(12)]

    alarms = [any(result(outcome, "errors").monitor.harm is not Harm.NONE for outcome in of) for of in ends]
    assert sum(alarms) <= 2
    assert not any(judged.state is State.BETTER for of in ends for o in of for judged in o.conclusion.judged)
    for of in ends:
        assert result(of[-1], "errors").monitor.alpha_spent == pytest.approx(0.05, abs=1e-3)


def test_looks__total_that_grows__interval_as_narrow_as_a_sequential_one_can_be():
    """3.2 standard errors where the scale was guessed well; a clock in events makes it 10 and more."""
    end = outcomes(1)[-1]

    assert 3.0 <= multiplier(result(end, "orders")) < 1.3 * 3.2


@pytest.mark.parametrize("seed", range(20, 23))
def test_looks__planted_harm_of_four_standard_errors__found_and_never_forgotten(seed):
    found = [result(outcome, "errors").monitor for outcome in outcomes(seed, errors=FOUR_ERRORS)]

    assert found[-1].harm is Harm.HARM
    alarmed = [monitor.look is not None for monitor in found]
    assert alarmed == sorted(alarmed)
    spent = [monitor.alpha_spent for monitor in found]
    assert spent == sorted(spent)


def test_looks__planted_gain_of_six_standard_errors__the_interval_excludes_zero_at_the_end():
    found = outcomes(31, orders=1.5 * FOUR_ERRORS)[-1]

    lift = result(found, "orders").always_valid.lift
    assert 0 < lift.confidence_interval.lower < 1.5 * FOUR_ERRORS < lift.confidence_interval.upper
    assert result(found, "orders").adjusted_p is None
