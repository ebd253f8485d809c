"""Observed slopes are confounded: graded C by the services, and nothing makes money of them."""

import numpy as np
import pytest

from impact import services
from impact.grades import Design, Kind
from ledger.refusals import Refused
from tests.apps.impact import build
from tests.apps.impact.build import BY, BY_BEA

pytestmark = pytest.mark.django_db
TRUE, USERS = -0.003, 200_000


def observed():
    """Slope and error of a regression of buying on latency, where people with slow devices buy less.

    Planted: 100 ms cost 0.3 %; the device decides latency and, far more than latency, whether somebody buys.
    """
    rng = np.random.default_rng(9)
    is_phone = rng.random(USERS) < 0.5
    latency = 800 + 600 * is_phone + rng.normal(0, 120, USERS)
    chance = 0.05 * np.where(is_phone, 0.8, 1.0) * (1 + TRUE * (latency - 800) / 100)
    bought = rng.random(USERS) < chance
    steps = (latency - latency.mean()) / 100
    slope = float(steps @ bought / (steps @ steps))
    error = float(np.sqrt(((steps * (bought - bought.mean() - slope * steps)) ** 2).sum()) / (steps @ steps))
    return slope / bought.mean(), error / bought.mean()


def test_confounded__observed_slope__ten_times_the_truth_graded_c_and_refused_as_money():
    build.surface()
    build.value()
    slope, error = observed()
    assert slope < 8 * TRUE
    found = services.record(
        surface="checkout",
        title="Regression over all sessions",
        outcome="conversion",
        design=Design(Kind.OBSERVATION),
        per_100_ms=slope,
        standard_error=error,
        began_on=build.NOW.date(),
        ended_on=build.NOW.date(),
        units=USERS,
        method="least squares",
        **BY,
    )
    services.accept(id=found.id, **BY_BEA)

    assert found.grade == "C"
    with pytest.raises(Refused):
        services.draft_ratio(surface="checkout", **BY)
    answer = services.ask(surface="checkout", ms=100, today=build.NOW.date())
    assert isinstance(answer, services.Refusal)
    assert "EUR" not in answer.sentence + "".join(answer.known)
    assert not any("minor" in name for name in answer.to_dict())
