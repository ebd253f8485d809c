"""From a pooled slope and a value model to an amount for so many milliseconds, and the words around it.

    revenue = revenue of a year * share of the surface * link

`link` says how many per cent revenue moves when the outcome of the studies moves by one; 1 when the outcome
is revenue itself. Amounts are in minor units of a currency; nothing is rounded before it is shown.
"""

import math
from dataclasses import dataclass
from datetime import date

from analysis.stats.impact.money import Price, price_of
from analysis.stats.results import Estimate
from impact.grades import Grade
from impact.pooling import ALPHA, Pooled

SHIFT_ALLOWED = 0.20
"""A ratio holds while the surface's latency is within 20 % of what it was."""
LASTS_DAYS = 365
STEP_MS = 100


@dataclass(frozen=True, slots=True)
class Value:
    """What a surface brings in a year, in minor units; `errors` are relative standard errors."""

    currency: str
    revenue_minor: int
    revenue_error: float
    surface_share: float
    share_error: float
    link: float
    link_error: float

    def per_year(self) -> Estimate:
        """Revenue of the surface in a year; relative errors of the factors add in squares."""
        value = self.revenue_minor * self.surface_share * self.link
        error = value * math.sqrt(self.revenue_error**2 + self.share_error**2 + self.link_error**2)
        return Estimate(value, error**2)


def yearly_price(pooled: Pooled, value: Value) -> Price:
    """What each 100 ms cost in a year, in minor units, with a 90 % interval; positive when delay costs."""
    slope = Estimate(pooled.per_100_ms, pooled.standard_error**2)
    return price_of(slope, value.per_year(), alpha=ALPHA)


def is_stale(*, valid_until: date, today: date, baseline_ms: float | None, now_ms: float | None) -> str:
    """Why a ratio no longer holds; empty while it does."""
    if today > valid_until:
        return f"it was valid until {valid_until:%Y-%m-%d}"
    if baseline_ms and now_ms and abs(now_ms / baseline_ms - 1) > SHIFT_ALLOWED:
        return f"latency went from {baseline_ms:.0f} ms to {now_ms:.0f} ms since"
    return ""


def sentence(
    *, surface: str, ms: float, price: Price, currency: str, grade: Grade, dates: str, units: int
) -> str:
    """The one sentence for a budget meeting. Two significant digits, no more."""
    verb = "costs" if price.value >= 0 else "brings"
    low, high = price.confidence_interval.lower, price.confidence_interval.upper
    amount = money(abs(price.value), currency)
    between = f"{money(low, currency)} to {money(high, currency)}"
    if price.value < 0:
        between = f"{money(-high, currency)} to {money(-low, currency)}"
    who = f", {units:,} users" if units else ""
    evidence = f"evidence: {grade.words}, {dates}{who}; grade {grade.value}"
    change = f"Slowing {surface} by {ms:g} ms" if ms > 0 else f"Making {surface} {-ms:g} ms faster"
    return f"{change} {verb} about {amount} a year (90 % interval {between}; {evidence})."


def money(minor: float, currency: str) -> str:
    """An amount to two significant digits: `EUR 1.2 million`, `EUR −45 thousand`, `EUR 930`."""
    amount = _two_digits(minor / 10 ** DIGITS.get(currency, 2))
    sign = "−" if amount < 0 else ""
    size = abs(amount)
    for limit, word in ((1e9, " billion"), (1e6, " million"), (1e3, " thousand")):
        if size >= limit:
            return f"{currency} {sign}{_plain(size / limit)}{word}"
    return f"{currency} {sign}{_plain(size)}"


DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "UGX": 0, "XAF": 0, "XOF": 0, "PYG": 0}
DIGITS |= {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3}
"""Decimal places of the minor unit where it is not two (ISO 4217)."""


def _two_digits(amount: float) -> float:
    if amount == 0 or not math.isfinite(amount):
        return 0.0
    places = 1 - math.floor(math.log10(abs(amount)))
    return round(amount, places)


def _plain(amount: float) -> str:
    return f"{amount:.1f}" if amount < 10 and amount != int(amount) else f"{amount:.0f}"
