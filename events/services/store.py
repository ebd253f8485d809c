"""The store as other apps, tests and commands see it. pyarrow and DuckDB are loaded by the call, not by the
import, because web processes import the services of this app."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Drained:
    """How many batches and events went from the inbox to the store, and how many events did not."""

    batches: int
    stored: int
    duplicates: int
    conflicting: int
    refused: int


def drain(*, now: datetime) -> Drained:
    """Everything that was acknowledged before this call is in the store when it returns."""
    from events.compaction import rounds

    filed = rounds.drain(now=now)
    return Drained(filed.batches, filed.stored, filed.duplicates, filed.conflicting, filed.refused)


def unit_hash(unit_type: str, unit: str, *, now: datetime) -> int:
    """The number under which the store knows a unit."""
    from events.compaction.rounds import store_secret
    from events.pseudonyms import Pseudonyms

    return Pseudonyms(store_secret(now=now)).unit(unit_type, unit)
