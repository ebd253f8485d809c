"""Which guardrails policies attach, and which of them may block. Pure.

A set belongs to a surface, a team or the whole organisation. The more specific one speaks first: for a metric
that several name, and for the few places of guardrails that can hold a launch. Each blocking guardrail has to
be proven harmless, so with many of them even harmless changes would rarely pass.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

from experiments.preflight import MAX_BLOCKING_GUARDRAILS
from metrics.definitions import Margin

MS_PER_PRICE = 100
"""The price tag is money a year for so many milliseconds."""
UNITS_MS = {"ms": 1.0, "s": 1000.0}
"""Milliseconds in the units of metrics whose margin can be stated in money."""


class Scope(IntEnum):
    """The order in which sets speak."""

    SURFACE = 0
    TEAM = 1
    ORGANISATION = 2


@dataclass(frozen=True, slots=True)
class Attached:
    """One guardrail as it is attached. `margin` None means the metric's own; `why` says why it only raises
    the alarm although its set lets it block, `unpriced` why its margin in money is none today."""

    metric: str
    of: str
    scope: Scope
    blocking: bool
    margin: Margin | None = None
    why: str = ""
    unpriced: str = ""


def attached(members: Iterable[Attached]) -> tuple[Attached, ...]:
    """Each metric once, by the most specific set that names it; at most five of them block."""
    ordered = sorted(members, key=lambda each: each.scope)
    unique = {each.metric: each for each in reversed(ordered)}
    found: list[Attached] = []
    for each in ordered:
        if unique[each.metric] is each:
            found.append(_limited(each, sum(other.blocking for other in found)))
    return tuple(found)


def _limited(member: Attached, blocking: int) -> Attached:
    if not member.blocking or blocking < MAX_BLOCKING_GUARDRAILS:
        return member
    why = f"{MAX_BLOCKING_GUARDRAILS} guardrails of more specific or earlier sets block already"
    return replace(member, blocking=False, why=why)


def margin_of_money(amount: float, *, price_per_100_ms: float, unit: str) -> Margin | None:
    """The delay that costs `amount` a year, in the metric's unit: amount / price × 100 ms. Both in the same
    currency. None when the unit is no time, or a delay costs nothing."""
    if unit not in UNITS_MS or price_per_100_ms <= 0:
        return None
    return Margin(amount / price_per_100_ms * MS_PER_PRICE / UNITS_MS[unit], relative=False)
