"""The published studies that ship with Headway: a band to compare one's own slope with, never money."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

STEP_MS = 100


@dataclass(frozen=True, slots=True)
class Study:
    """One published study: delay in ms, change of the outcome in per cent, as published."""

    key: str
    title: str
    year: int
    design: str
    plain: bool
    outcome: str
    delay_ms: tuple[float, ...]
    change_percent: tuple[float, ...]
    source: str
    note: str = ""
    remembered: tuple[float, ...] = ()

    @property
    def percent_per_100_ms(self) -> float:
        """Least squares through the origin, every dose with the same weight."""
        return slope(self.delay_ms, self.change_percent) * STEP_MS


def slope(delay: Sequence[float], change: Sequence[float]) -> float:
    """sum(delay * change) / sum(delay^2)."""
    return sum(d * c for d, c in zip(delay, change, strict=True)) / sum(d * d for d in delay)


@cache
def studies() -> tuple[Study, ...]:
    """All of them, randomised ones first."""
    text = (resources.files("impact.data") / "studies.toml").read_text(encoding="utf-8")
    found = [_study(entry) for entry in tomllib.loads(text)["study"]]
    return tuple(sorted(found, key=lambda study: (not study.plain, -study.year, study.key)))


def _study(entry: dict[str, Any]) -> Study:
    lists = {name: tuple(entry.get(name, ())) for name in ("delay_ms", "change_percent", "remembered")}
    return Study(**{**entry, **lists})
