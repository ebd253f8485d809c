"""Was a unit shown what its hash says? One exposure in a thousand is computed again while its id is known.

The version of the flag that the exposure names says which variants the unit can have got: each rule with a
split gives one, whatever its conditions, because attributes are not part of an exposure. A variant outside of
these was not assigned by the hash: an SDK that draws otherwise, or code that reports what it did not show.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date
from functools import cache
from typing import Any

from django.db import connection

from events.compaction.rows import Arrived
from events.wire import Exposure
from flags import queries as flags
from headway.evaluation.hashing import bucket, threshold, thresholds
from ledger.refusals import NotFound

ONE_IN = 1_000
Definition = Mapping[str, Any]
Counts = dict[tuple[str, date], list[int]]
"""Flag and day → how many were as computed, and how many were not."""

ADD = """
INSERT INTO events_assignmentcount (environment, flag, day, matched, mismatched) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (environment, flag, day) DO UPDATE
SET matched = events_assignmentcount.matched + excluded.matched,
    mismatched = events_assignmentcount.mismatched + excluded.mismatched
"""


def sample(events: Iterable[Arrived]) -> list[tuple[int, Exposure]]:
    """By the exposure's own id, which has nothing to do with its unit."""
    return [
        (arrived, event)
        for arrived, event in events
        if isinstance(event, Exposure)
        and event.id.int % ONE_IN == 0
        and event.version
        and event.forced is not True
    ]


def count(environment: str, sampled: Iterable[Exposure]) -> Counts:
    """Exposures to flags or versions that are not known here say nothing and are passed over."""
    salts = {row.key: row.salt_id for row in flags.layers()} if sampled else {}
    definition = cache(lambda flag, version: _definition(environment, flag, version))
    found: Counts = {}
    for exposure in sampled:
        known = definition(exposure.flag, exposure.version)
        if known is not None:
            is_same = exposure.variant in possible(known, exposure.unit, exposure.unit_type, salts)
            day = exposure.ts.astimezone(UTC).date()
            found.setdefault((exposure.flag, day), [0, 0])[not is_same] += 1
    return found


def write(environment: str, counts: Counts) -> None:
    """Add to the rows of the days, in one order for all writers."""
    rows: list[tuple[Any, ...]] = [(environment, *place, *of) for place, of in sorted(counts.items())]
    with connection.cursor() as cursor:
        cursor.executemany(ADD, rows)


def possible(definition: Definition, unit: str, unit_type: str, salts: Mapping[str, int]) -> set[str]:
    """The variants that this version of a flag can have shown to the unit."""
    forced = (definition.get("forced") or {}).get(unit)
    found = {forced} if forced is not None else set()
    for rule in definition["rules"]:
        if (rule.get("unit_from") or definition["unit_type"]) == unit_type and _is_in(rule, unit, salts):
            variant = rule["variant"] if "split" not in rule else _drawn(rule["split"], unit)
            found |= {variant} - {None}
    return found


def _is_in(rule: Definition, unit: str, salts: Mapping[str, int]) -> bool:
    place = rule.get("layer")
    if place is None:
        return True
    own = bucket(unit, salts[place["key"]])
    return any(threshold(low) <= own < threshold(high) for low, high in place["slots"])


def _drawn(split: Definition, unit: str) -> str | None:
    """The arm of a unit that is covered."""
    if bucket(unit, split["gate_salt"]) >= threshold(split["coverage_ppm"]):
        return None
    own, ends = bucket(unit, split["arm_salt"]), thresholds([share for _, share in split["arms"]])
    return next((arm for (arm, _), end in zip(split["arms"], ends, strict=True) if own < end), None)


def _definition(environment: str, flag: str, version: int) -> Definition | None:
    try:
        row = flags.version(flags.flag(flag), flags.environment(environment), version)
    except NotFound:
        return None
    definition: Definition = row.definition
    return definition
