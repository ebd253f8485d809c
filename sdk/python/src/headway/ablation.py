"""Adding an arm's delay on purpose, inside a budget: how much slower costs how much, measured.

The flag is of type number and its variants are milliseconds; 0 is the placebo, which goes through the same
code, and below 0 nothing is done at all: a group to compare the placebo with. Switching the flag off ends all
delays as soon as the client hears of it, and a client that has not heard from the server for 45 seconds
delays nobody. What was really added is tracked, 0 included, so that the analysis knows the dose given. With
an `allowance` every delay is granted by the server before it is served.

>>> delay = Delay(client, "slow-home", Budget(max_ms=400), allowance=Allowance(url, key, "slow-home"))
>>> delay.apply(unit=user.id)
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple, Optional

from headway.allowance import Allowance
from headway.client import Client
from headway.evaluation import unit_text
from headway.recording import utc_now

__all__ = ["Applied", "Budget", "Delay"]

_MAX_UNITS = 100_000


class Budget(NamedTuple):
    """What a host allows at most: of one delay, of a unit and of all units in a day, and at the same time."""

    max_ms: float = 500.0
    unit_ms_per_day: float = 5_000.0
    total_ms_per_day: float = 3_600_000.0
    concurrent: int = 10
    max_age_s: float = 45.0
    """How old the client's configuration may be; an older one may have missed that the study ended."""


class Applied(NamedTuple):
    """What was done: `ms` were added of `asked_ms`; `why` is given when they differ."""

    ms: float
    asked_ms: float
    why: str = ""


class Delay:
    """Applies the delays of one flag. Safe from several threads; nothing here raises.

    `event` is the name under which delays are tracked, None for none.
    """

    def __init__(
        self,
        client: Client,
        flag: str,
        budget: Budget = Budget(),
        *,
        allowance: Optional[Allowance] = None,
        event: Optional[str] = "injected-delay",
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._client = client
        self._flag = flag
        self._budget = budget
        self._allowance = allowance
        self._event = event
        self._sleep = sleep
        self._clock = clock
        self._spent = _Spent(budget)

    def apply(self, unit: object, attributes: Optional[Mapping[str, Any]] = None) -> Applied:
        """Sleep for what the unit's arm asks and the budget allows."""
        applied, is_held = self._begin(unit, attributes)
        if is_held:
            try:
                self._sleep(applied.ms / 1000)
            finally:
                self._spent.end()
        return applied

    async def apply_async(self, unit: object, attributes: Optional[Mapping[str, Any]] = None) -> Applied:
        """The same without holding up the loop."""
        import asyncio

        applied, is_held = self._begin(unit, attributes)
        if is_held:
            try:
                await asyncio.sleep(applied.ms / 1000)
            finally:
                self._spent.end()
        return applied

    def _begin(self, unit: object, attributes: Optional[Mapping[str, Any]]) -> tuple[Applied, bool]:
        """What will be done, and whether the request is held for it: for 0 ms in the placebo arm."""
        evaluation = self._client.evaluate(self._flag, unit, attributes, default=0.0)
        text, fault = unit_text(unit)
        asked_ms = evaluation.value if isinstance(evaluation.value, (int, float)) else 0.0
        if text is None or not evaluation.experiment:
            return Applied(0.0, max(asked_ms, 0.0), fault if asked_ms > 0 else ""), False
        applied = Applied(0.0, 0.0, "untouched") if asked_ms < 0 else self._granted(text, asked_ms)
        if self._event is not None:
            dims = {"flag": self._flag, "asked_ms": asked_ms, "why": applied.why}
            self._client.track(self._event, unit, applied.ms, dims=dims)
        return applied, not applied.why

    def _granted(self, unit: str, asked_ms: float) -> Applied:
        """The whole delay, if the host, the client's age and the server's budget all allow it."""
        age_s = self._client.source.age_s
        if age_s is None or age_s > self._budget.max_age_s:
            return Applied(0.0, asked_ms, "the client has not heard from the server lately")
        applied = self._spent.begin(unit, asked_ms, self._clock().date())
        if applied.ms and self._allowance is not None and not self._allowance.take():
            self._spent.undo(unit, asked_ms)
            return Applied(0.0, asked_ms, "the server has granted no more")
        return applied


class _Spent:
    """What was added today, to each unit and in all. Of too many units the oldest are forgotten."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._day: Optional[date] = None
        self._of_units: OrderedDict[str, float] = OrderedDict()
        self._total_ms = 0.0
        self._running = 0

    def begin(self, unit: str, asked_ms: float, day: date) -> Applied:
        """Take a delay out of the budget: all of it or nothing, because half a dose is another dose."""
        with self._lock:
            self._turn(day)
            why = self._refusal(unit, asked_ms)
            if why:
                return Applied(0.0, asked_ms, why)
            self._of_units[unit] = self._of_units.pop(unit, 0.0) + asked_ms
            if len(self._of_units) > _MAX_UNITS:
                self._of_units.popitem(last=False)
            self._total_ms += asked_ms
            self._running += 1
            return Applied(asked_ms, asked_ms)

    def end(self) -> None:
        with self._lock:
            self._running -= 1

    def undo(self, unit: str, asked_ms: float) -> None:
        """Give back a delay that was not served."""
        with self._lock:
            self._running -= 1
            self._total_ms -= asked_ms
            self._of_units[unit] = self._of_units.get(unit, 0.0) - asked_ms

    def _turn(self, day: date) -> None:
        if day != self._day:
            self._day, self._total_ms = day, 0.0
            self._of_units.clear()

    def _refusal(self, unit: str, asked_ms: float) -> str:
        budget = self._budget
        if asked_ms > budget.max_ms:
            return "longer than one delay may be"
        if self._running >= budget.concurrent:
            return "too many delays at the same time"
        if self._of_units.get(unit, 0.0) + asked_ms > budget.unit_ms_per_day:
            return "the unit's budget of the day is spent"
        if self._total_ms + asked_ms > budget.total_ms_per_day:
            return "the budget of the day is spent"
        return ""
