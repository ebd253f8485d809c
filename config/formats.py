"""How the console writes numbers, times and durations: one place, no Django.

True minus sign, thousands separators, ISO dates with a zone, durations in two units.
"""

from datetime import UTC, datetime, timedelta

MINUS = "\u2212"
NARROW_SPACE = "\u202f"
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def count(value: int | float) -> str:
    """1,234,567 with a true minus sign."""
    return f"{value:,.0f}".replace("-", MINUS)


def share(value: float, digits: int = 1) -> str:
    """A share 0..1 as per cent: 0.125 → 12.5 %."""
    return f"{value * 100:.{digits}f}{NARROW_SPACE}%".replace("-", MINUS)


def change(value: float) -> str:
    """A relative change as per cent with its sign: -0.003 → −0.30 %."""
    return f"{value * 100:+.2f}{NARROW_SPACE}%".replace("-", MINUS)


def ppm(value: int) -> str:
    """Parts per million as per cent, with no digits that say nothing: 500000 → 50 %, 100 → 0.01 %."""
    text = f"{value / 10_000:.4f}".rstrip("0").rstrip(".")
    return f"{text}{NARROW_SPACE}%"


def moment(at: datetime) -> str:
    """2026-03-04 09:30 UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration(span: timedelta) -> str:
    """The two largest units: 13 d 4 h, 2 min 5 s, 0 s."""
    seconds = int(abs(span.total_seconds()))
    parts: list[str] = []
    for name, size in UNITS:
        amount, seconds = divmod(seconds, size)
        if amount or (parts and len(parts) < 2):
            parts.append(f"{amount} {name}")
        if len(parts) == 2:
            break
    shown = [part for part in parts if not part.startswith("0 ")] or ["0 s"]
    return " ".join(shown)
