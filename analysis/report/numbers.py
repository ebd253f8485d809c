"""How the report writes numbers: rounding follows the uncertainty, not the taste of the reader.

Two significant digits on the half-width of the interval decide the decimals of point and ends alike. True
minus sign, thousands separators, no exponent unless the number would be unreadable without. Display only:
nothing here feeds back into a decision.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MINUS = "\u2212"
NARROW_SPACE = "\u202f"
UNBOUNDED = "unbounded"
MAX_DECIMALS = 6
SCIENTIFIC_FROM = 1e15
AS_GOOD_AS_ZERO = 1e-300
"""Below this a power of ten is no longer a number of its own."""
SIGNIFICANT_ALONE = 3
"""Digits of a number that comes without an interval."""

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Unit:
    """How a raw number becomes text: times `factor`, between `prefix` and `suffix`.

    `whole_from`: numbers of at least this size are written without decimals (milliseconds).
    """

    name: str
    factor: float = 1.0
    prefix: str = ""
    suffix: str = ""
    whole_from: float = math.inf


@dataclass(frozen=True, slots=True)
class Format:
    """One way of writing numbers that are read together; `exponent` is a common power of ten."""

    unit: Unit
    decimals: int
    exponent: int = 0

    def text(self, value: float, *, sign: bool = False) -> str:
        """`value` is raw; `sign` writes a plus before what is above zero."""
        if not math.isfinite(value * self.unit.factor):
            return UNBOUNDED
        shown = self._rounded(value)
        mark = MINUS if shown < 0 else "+" if sign and shown > 0 else ""
        return f"{mark}{self.unit.prefix}{self._digits(abs(shown))}{self.unit.suffix}"

    def bare(self, value: float, *, sign: bool = False) -> str:
        """The number without its unit, as the first of several that share one."""
        plain = Format(Unit(self.unit.name, self.unit.factor), self.decimals, self.exponent)
        return plain.text(value, sign=sign)

    def _rounded(self, value: float) -> float:
        return round(value * self.unit.factor / 10.0**self.exponent, self.decimals) + 0.0

    def _digits(self, size: float) -> str:
        text = f"{size:,.{max(self.decimals, 0)}f}"
        power = str(self.exponent).translate(_SUPERSCRIPT)
        return f"{text}{NARROW_SPACE}×{NARROW_SPACE}10{power}" if self.exponent else text


def for_interval(unit: Unit, point: float, low: float, high: float) -> Format:
    """The format of a point and the two ends of its interval (raw numbers)."""
    half_width = (high - low) / 2 * unit.factor
    if not math.isfinite(half_width) or half_width <= 0:
        return for_values(unit, [point, low, high])
    decimals = 1 - exponent_of(half_width, digits=2)
    return _format(unit, decimals, [point, low, high])


def for_values(unit: Unit, values: Iterable[float], *, digits: int = SIGNIFICANT_ALONE) -> Format:
    """The format of numbers that have no interval: `digits` significant digits of the largest."""
    known = [value for value in values if math.isfinite(value * unit.factor)]
    largest = max((abs(value) for value in known), default=0.0) * unit.factor
    decimals = digits - 1 - exponent_of(largest, digits=digits) if largest else 0
    return _format(unit, max(decimals, 0) if largest < SCIENTIFIC_FROM else decimals, known)


def exponent_of(value: float, *, digits: int) -> int:
    """Power of ten of `value` once rounded to so many significant digits: 9.96 with two digits is 1."""
    return int(f"{value:.{digits - 1}e}".split("e")[1]) if value else 0


def _format(unit: Unit, decimals: int, values: Iterable[float]) -> Format:
    largest = max(
        (abs(value) * unit.factor for value in values if math.isfinite(value * unit.factor)), default=0.0
    )
    if largest < AS_GOOD_AS_ZERO:
        return Format(unit, max(min(decimals, MAX_DECIMALS), 0))
    if decimals > MAX_DECIMALS or largest >= SCIENTIFIC_FROM:
        exponent = exponent_of(largest, digits=2)
        return Format(unit, max(decimals + exponent, 1), exponent)
    return Format(unit, min(decimals, 0) if largest >= unit.whole_from else decimals)


def count(value: float) -> str:
    """A number of things: 412,300. Sums of counts may carry a fraction, which is kept to three digits."""
    whole = float(value).is_integer() and abs(value) < SCIENTIFIC_FROM
    return for_values(Unit("count"), [value], digits=1 if whole else SIGNIFICANT_ALONE).text(value)


def share(value: float) -> str:
    """A share 0..1 as per cent with no digits that say nothing: 0.5 is 50 %."""
    text = f"{value * 100:.2f}".rstrip("0").rstrip(".")
    return f"{text.replace('-', MINUS)}{NARROW_SPACE}%"


def exact(value: float | None) -> str:
    """Six significant digits, for the detail behind a number."""
    if value is None or not math.isfinite(value):
        return UNBOUNDED
    text = f"{value:.6g}"
    mantissa, _, exponent = text.partition("e")
    power = f"{NARROW_SPACE}×{NARROW_SPACE}10{str(int(exponent)).translate(_SUPERSCRIPT)}" if exponent else ""
    return mantissa.replace("-", MINUS) + power


def p_value(value: float) -> str:
    """Two significant digits; below 0.0001 only that it is below."""
    return "< 0.0001" if value < 0.0001 else for_values(Unit("p"), [value], digits=2).text(value)


def money(low_minor: int, high_minor: int, currency: str, *, sign: bool = True) -> str:
    """A range of money, rounded to two significant digits of its half-width and written short: $0.2M.
    `sign` writes a plus before a gain."""
    largest = max(abs(low_minor), abs(high_minor)) / 100
    factor, letter = next(
        (size, name)
        for size, name in ((1e9, "B"), (1e6, "M"), (1e3, "k"), (1.0, ""))
        if largest >= size or size == 1.0
    )
    unit = Unit("money", 1 / factor, *_currency(currency, letter))
    low, high = low_minor / 100, high_minor / 100
    written = for_interval(unit, (low + high) / 2, low, high)
    return f"{written.text(low, sign=sign)} to {written.text(high, sign=sign)}"


def _currency(currency: str, letter: str) -> tuple[str, str]:
    symbol = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}.get(currency)
    return (symbol, letter) if symbol else ("", f"{letter}{NARROW_SPACE}{currency}")
