"""Which guardrails are attached, which may block, and what money means in milliseconds."""

import pytest

from governance.policy import Attached, Scope, attached, margin_of_money


def member(metric, scope=Scope.ORGANISATION, *, blocking=True):
    return Attached(metric, scope.name.lower(), scope, blocking)


def test_attached__six_that_block__the_least_specific_sixth_only_raises_the_alarm_and_says_why():
    everybody = [member(f"m{number}") for number in range(4)]
    surface = [member("a", Scope.SURFACE), member("b", Scope.SURFACE)]

    found = attached([*everybody, *surface])

    assert [each.metric for each in found] == ["a", "b", "m0", "m1", "m2", "m3"]
    assert [each.blocking for each in found] == [True] * 5 + [False]
    assert "block already" in found[-1].why


def test_attached__alarms_between__do_not_take_places():
    quiet = [member(f"q{number}", Scope.SURFACE, blocking=False) for number in range(9)]

    found = attached([*quiet, member("loud")])

    assert found[-1].blocking


def test_attached__one_metric_in_three_scopes__surface_before_team_before_everybody():
    found = attached(member("a", scope, blocking=scope is Scope.SURFACE) for scope in reversed(Scope))

    assert [(each.of, each.blocking) for each in found] == [("surface", True)]


@pytest.mark.parametrize(
    ("unit", "price", "expected"),
    [("ms", 20_000, 25.0), ("s", 20_000, 0.025), ("orders", 20_000, None), ("ms", 0, None), ("ms", -5, None)],
)
def test_money__five_thousand_a_year__delay_that_costs_it(unit, price, expected):
    found = margin_of_money(5_000, price_per_100_ms=price, unit=unit)

    assert (found.value if found else None) == expected
