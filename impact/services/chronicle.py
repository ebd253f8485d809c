"""The daily series of a surface by slice, from the days that are kept."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from impact import daily_names as names
from impact.cells import Cell, Wanted, total
from impact.history import Donor, Value
from impact.models import ValueModel
from impact.services import keeping

Slices = Mapping[str, Sequence[str]]
Levels = dict[date, dict[str, Cell]]
LEAST_SEEN = 0.9
"""Share of the days that a level has to be seen on, for its latency to be followed."""


class Chronicle:
    """Outcome and latency of a surface by day and slice; each dimension is read once."""

    def __init__(self, model: ValueModel, now: datetime) -> None:
        self._outcome, self._latency = keeping.wanted_of(model)
        self._since = (now - keeping.HISTORY).astimezone(UTC).date()
        self._environment = keeping.production()
        self._read: dict[tuple[str, str], Levels] = {}

    def values(self, slices: Slices) -> list[Value]:
        """Days with both metrics, oldest first: among the hit, and among the others."""
        dimension, hit = _place(slices)
        outcome, latency = self._levels(self._outcome, dimension), self._levels(self._latency, dimension)
        return [
            Value(day, _sides(outcome[day], hit, self._outcome), _sides(latency[day], hit, self._latency))
            for day in sorted(outcome.keys() & latency.keys())
        ]

    def donors(self, slices: Slices) -> list[Donor]:
        """Levels of the dimension that were not hit, a value for each of `values`; none of a crossing."""
        if len(slices) != 1:
            return []
        dimension, hit = _place(slices)
        outcome, latency = self._levels(self._outcome, dimension), self._levels(self._latency, dimension)
        days = sorted(outcome.keys() & latency.keys())
        seen = {level for day in days for level in outcome[day]} - set(hit) - {names.REST}
        return [
            Donor(
                f"{dimension}: {level}",
                [_value(outcome[day].get(level), self._outcome) for day in days],
                [_value(latency[day].get(level), self._latency) for day in days],
            )
            for level in sorted(seen)
        ]

    def latency(self) -> dict[date, float]:
        """Of everybody, by day."""
        return self._series(names.EVERYBODY).get(names.EVERYBODY, {})

    def latency_by_level(self) -> dict[str, dict[str, dict[date, float]]]:
        """By dimension and level, where a level is seen on nearly every day."""
        found = {}
        for dimension in keeping.dimensions(self._environment, self._latency.recipe):
            series = self._series(dimension)
            days = len(self._levels(self._latency, dimension))
            found[dimension] = {
                level: each
                for level, each in series.items()
                if level != names.REST and len(each) >= LEAST_SEEN * days
            }
        return found

    def _series(self, dimension: str) -> dict[str, dict[date, float]]:
        found: dict[str, dict[date, float]] = {}
        for day, levels in self._levels(self._latency, dimension).items():
            for level, cell in levels.items():
                value = cell.value(self._latency)
                if value is not None:
                    found.setdefault(level, {})[day] = value
        return found

    def _levels(self, wanted: Wanted, dimension: str) -> Levels:
        key = (wanted.recipe, dimension)
        if key not in self._read:
            self._read[key] = keeping.kept_levels(
                self._environment, wanted.recipe, dimension, since=self._since
            )
        return self._read[key]


def _place(slices: Slices) -> tuple[str, tuple[str, ...]]:
    """The dimension under which these slices are kept, and its levels that were hit."""
    if not slices:
        return names.EVERYBODY, (names.EVERYBODY,)
    if len(slices) > 1:
        return keeping.crossed_name(slices), (names.HIT,)
    (dimension, levels), *_ = slices.items()
    return dimension, tuple(levels)


def _sides(
    levels: Mapping[str, Cell], hit: Sequence[str], wanted: Wanted
) -> tuple[float | None, float | None]:
    sides = ([levels[name] for name in hit if name in levels], [levels[n] for n in levels if n not in hit])
    first, second = (total(each).value(wanted) for each in sides)
    return first, second


def _value(cell: Cell | None, wanted: Wanted) -> float | None:
    return None if cell is None else cell.value(wanted)
