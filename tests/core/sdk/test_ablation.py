"""Delays on purpose: what the arm asks, inside the budget, and tracked as it was given."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from headway.ablation import Applied, Budget, Delay
from headway.testing import MemoryClient
from tests.core.sdk.build import document, flag, split
from tests.core.sdk.faults import eventually

DAY = datetime(2026, 11, 23, 23, tzinfo=UTC)
SLOW = flag(
    [split(arms=[("none", 500_000), ("slow", 500_000)], experiment="slow-home")],
    type="number",
    variants={"none": 0, "slow": 200},
    off="none",
    default="none",
)


@pytest.fixture
def client():
    return MemoryClient(document=document({"slow-home": SLOW}))


def _delay(client, budget=Budget(), **options):
    slept = []
    return Delay(client, "slow-home", budget, sleep=slept.append, clock=lambda: DAY, **options), slept


def _units(client, variant, number):
    units = (f"user-{n}" for n in range(10_000))
    return [unit for unit in units if client.variant("slow-home", unit) == variant][:number]


def test_delay__arm_with_a_dose__slept_and_tracked(client):
    delay, slept = _delay(client)
    (unit,) = _units(client, "slow", 1)

    assert delay.apply(unit) == Applied(200, 200)

    assert slept == [0.2]
    assert [(each["name"], each["value"], each["dims"]["flag"]) for each in client.events] == [
        ("injected-delay", 200, "slow-home")
    ]


def test_delay__no_unit__nothing(client):
    delay, slept = _delay(client)

    for unit in [None, ""]:
        assert delay.apply(unit).ms == 0

    assert slept == []
    assert client.events == []


def test_delay__arm_without_delay__same_code_and_tracked_as_zero(client):
    delay, slept = _delay(client)

    for unit in _units(client, "none", 3):
        assert delay.apply(unit) == Applied(0, 0)

    assert slept == [0, 0, 0]
    assert [each["value"] for each in client.events] == [0, 0, 0]


def test_delay__untouched_group__tracked_and_nothing_else_is_done():
    apart = {**SLOW, "variants": {"none": 0, "slow": 200, "apart": -1}}
    apart = {**apart, "rules": [split(arms=[("none", 1), ("apart", 999_999)], experiment="slow-home")]}
    client = MemoryClient(document=document({"slow-home": apart}))
    delay, slept = _delay(client, Budget(concurrent=0), allowance=Granting(0))

    (unit,) = _units(client, "apart", 1)

    assert delay.apply(unit) == Applied(0, 0, "untouched")
    assert slept == []
    assert [(each["value"], each["dims"]["why"]) for each in client.events] == [(0, "untouched")]


class Granting:
    """An allowance with so many requests in it."""

    def __init__(self, left):
        self.left = left

    def take(self):
        self.left -= 1
        return self.left >= 0


def test_delay__server_grants_two__two_are_delayed_and_the_others_say_why(client):
    delay, slept = _delay(client, allowance=Granting(2))

    found = [delay.apply(unit) for unit in _units(client, "slow", 4)]

    assert [each.ms for each in found] == [200, 200, 0, 0]
    assert found[2].why == "the server has granted no more"
    assert slept == [0.2, 0.2]


def test_delay__not_granted__budget_of_the_host_is_not_used_up(client):
    granting = Granting(0)
    delay, slept = _delay(client, Budget(concurrent=1, unit_ms_per_day=200), allowance=granting)
    (unit,) = _units(client, "slow", 1)
    assert delay.apply(unit).ms == 0

    granting.left = 1

    assert delay.apply(unit).ms == 200
    assert slept == [0.2]


class Silent(MemoryClient):
    """A client whose server has said nothing for some time."""

    heard_s_ago = 60.0

    @property
    def source(self):
        return super().source._replace(fetched_at=time.time() - self.heard_s_ago)


def test_delay__client_has_not_heard_from_the_server__nobody_is_delayed():
    client = Silent(document=document({"slow-home": SLOW}))
    delay, slept = _delay(client)
    (unit,) = _units(client, "slow", 1)

    assert "not heard" in delay.apply(unit).why

    client.heard_s_ago = 40.0
    assert delay.apply(unit).ms == 200
    assert slept == [0.2]


def test_delay__flag_switched_off__nothing_more(client):
    delay, slept = _delay(client)
    units = _units(client, "slow", 5)
    client.use_config(client.config.updated({"slow-home": {**SLOW, "on": False}}, 2))

    assert {delay.apply(unit).ms for unit in units} == {0}
    assert slept == []


@pytest.mark.parametrize(
    ("budget", "given", "why"),
    [
        (Budget(max_ms=199), 0, "longer than one delay may be"),
        (Budget(unit_ms_per_day=500), 2, "the unit's budget of the day is spent"),
        (Budget(total_ms_per_day=700), 3, "the budget of the day is spent"),
        (Budget(concurrent=0), 0, "too many delays at the same time"),
    ],
)
def test_delay__budget_spent__whole_doses_only_and_the_reason(client, budget, given, why):
    delay, slept = _delay(client, budget)
    (unit,) = _units(client, "slow", 1)

    applied = [delay.apply(unit) for _ in range(5)]

    assert [each.ms for each in applied] == [200] * given + [0] * (5 - given)
    assert len(slept) == given
    assert applied[-1] == Applied(0, 200, why)
    assert client.events[-1]["dims"]["why"] == why


def test_delay__next_day__budget_is_new(client):
    now = [DAY]
    slept = []
    delay = Delay(client, "slow-home", Budget(unit_ms_per_day=200), sleep=slept.append, clock=lambda: now[0])
    (unit,) = _units(client, "slow", 1)

    delay.apply(unit)
    assert delay.apply(unit).ms == 0
    now[0] += timedelta(hours=1)

    assert delay.apply(unit).ms == 200


def test_delay__many_at_once__never_more_than_allowed(client):
    running, peak, lock = [0], [0], threading.Lock()
    release = threading.Event()

    def sleep(_):
        with lock:
            running[0] += 1
            peak[0] = max(peak[0], running[0])
        release.wait(60)
        with lock:
            running[0] -= 1

    delay = Delay(client, "slow-home", Budget(concurrent=2), sleep=sleep)
    units = _units(client, "slow", 8)
    threads = [threading.Thread(target=delay.apply, args=(unit,)) for unit in units]
    for thread in threads:
        thread.start()
    others_went_on = eventually(lambda: sum(thread.is_alive() for thread in threads) == 2 == running[0])
    release.set()
    for thread in threads:
        thread.join()

    assert others_went_on
    assert peak[0] == 2
    assert delay.apply(units[0]).ms == 200


def test_delay__in_async_code__the_loop_goes_on(client):
    (unit,) = _units(client, "slow", 1)
    delay = Delay(client, "slow-home")

    async def both():
        ticks = 0
        task = asyncio.ensure_future(delay.apply_async(unit))
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return task.result().ms, ticks

    given, ticks = asyncio.run(both())

    assert given == 200
    assert ticks >= 2, "a loop that is held up comes round once, when all is over"
