"""Shrinkage, meetings and the comparison of a promise with what came."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analysis.portfolio import meetings, shrinkage
from analysis.portfolio.meetings import Run
from analysis.portfolio.shrinkage import Prior, Seen
from experiments import follow_up
from experiments.follow_up import Held
from experiments.status import Effect

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def seen(estimate, error=0.01, *, shipped=True, key="a"):
    return Seen(key, estimate, error, shipped)


def test_shrink__posterior__as_the_normal_model_says():
    row = shrinkage.shrink(seen(0.04, 0.02), Prior(0.01, 0.0001, learned=True))

    effect, error = np.log(1.04), 0.02 / 1.04
    weight = 0.0001 / (0.0001 + error**2)
    assert np.log1p(row.shrunk) == pytest.approx(0.01 + weight * (effect - 0.01))
    half = (np.log1p(row.high) - np.log1p(row.low)) / 2
    assert half == pytest.approx(1.959964 * np.sqrt(weight) * error, rel=1e-6)


def test_prior__few_experiments__sceptical_and_said_so():
    known = shrinkage.prior([seen(0.05, 0.01), seen(0.03, 0.02), seen(-0.01, 0.03)])

    assert (known.mean, known.variance, known.learned) == (0.0, pytest.approx((0.02 / 1.03) ** 2), False)
    assert shrinkage.shrink(seen(0.03, 0.02), known).kept_share == pytest.approx(0.5, abs=0.01)


def test_total__one_shipped__as_its_row():
    known = shrinkage.prior([seen(0.5, 0.3)])
    row, found = shrinkage.shrink(seen(0.5, 0.3), known), shrinkage.total([seen(0.5, 0.3)], known)

    assert (found.shrunk, found.low, found.high) == pytest.approx((row.shrunk, row.low, row.high))


def test_total__picked_because_they_looked_good__shrunk_sum_near_the_truth_and_naive_far_above():
    """Four hundred experiments of which those with a clear gain are shipped; the truth is known."""
    generator = np.random.default_rng(7)
    truth = generator.normal(0.0, 0.004, 400)
    errors = generator.uniform(0.003, 0.008, 400)
    read = truth + generator.normal(0.0, errors)
    shipped = read / errors > 1.96
    rows = [Seen(str(n), float(read[n]), float(errors[n]), bool(shipped[n])) for n in range(400)]

    known = shrinkage.prior(rows)
    found = shrinkage.total(rows, known)

    added = float(np.expm1(np.log1p(truth[shipped]).sum()))
    assert known.learned
    assert np.sqrt(known.variance) == pytest.approx(0.004, rel=0.25)
    assert found.low < added < found.high
    assert found.naive - added > 4 * abs(found.shrunk - added)


def test_total__nothing_shipped__zero():
    found = shrinkage.total([seen(0.02, shipped=False)], Prior(0.0, 0.0001, learned=False))

    assert (found.shipped, found.naive, found.shrunk) == (0, 0.0, 0.0)


def run(key, **changes):
    made = {
        "title": key,
        "unit_type": "user",
        "environment": "production",
        "layer": "",
        "coverage_share": 1.0,
        "since": NOW,
        "until": NOW + timedelta(days=10),
        "decisive": frozenset({"orders"}),
        "watched": frozenset({"errors"}),
    }
    return Run(key=key, **{**made, **changes})


def test_meetings__same_time_and_metric__days_and_share_of_units():
    (found,) = meetings.meetings([run("a", coverage_share=0.5), run("b", since=NOW + timedelta(days=4))])

    assert (found.days, found.shared_share, found.metrics) == (6.0, 0.5, ("errors", "orders"))
    assert found.score == pytest.approx(6 * 0.5 * 1.4)


@pytest.mark.parametrize(
    "changes",
    [
        {"since": NOW + timedelta(days=10)},
        {"unit_type": "device"},
        {"environment": "staging"},
        {"decisive": frozenset({"visits"}), "watched": frozenset()},
    ],
)
def test_meetings__nothing_in_common__no_pair(changes):
    assert meetings.meetings([run("a"), run("b", **changes)]) == []


def test_meetings__one_layer__kept_apart_two_layers_not():
    assert meetings.meetings([run("a", layer="x"), run("b", layer="x")]) == []
    assert len(meetings.meetings([run("a", layer="x"), run("b", layer="y")])) == 1


def test_meetings__deciding_metric__before_a_watched_one():
    pairs = meetings.meetings(
        [run("a"), run("b"), run("c", decisive=frozenset(), watched=frozenset({"errors"}))]
    )

    assert {pairs[0].one.key, pairs[0].other.key} == {"a", "b"}


def effect(low, high, **changes):
    made = {
        "metric": "orders",
        "title": "Orders",
        "arm": "t",
        "relative": True,
        "text": "",
        "snapshot_sha256": "",
    }
    return Effect(estimate=(low + high) / 2, low=low, high=high, **{**made, **changes})


@pytest.mark.parametrize(
    ("realised", "held"),
    [
        (effect(0.001, 0.012), Held.AS_PREDICTED),
        (effect(-0.01, 0.001), Held.SMALLER),
        (effect(0.05, 0.06), Held.LARGER),
        (effect(0.001, 0.012, relative=False), Held.UNKNOWN),
        (effect(0.001, 0.012, metric="visits"), Held.UNKNOWN),
        (None, Held.UNKNOWN),
    ],
)
def test_compare__realised_interval__beside_the_predicted_one(realised, held):
    found = follow_up.compare(effect(0.004, 0.016), realised)

    assert found.held is held
    assert found.sentence == follow_up.WORDS[held]
