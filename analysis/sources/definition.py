"""What a source is: where a company's own tables lie and which of their columns mean what. Pure, frozen data.

One table says who was put into which arm, others say what happened. Names of tables and columns are only ever
handed on as identifiers; nothing here or below is SQL, and no secret is part of a definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from metrics.definitions import canonical_sha256

Pairs = tuple[tuple[str, str], ...]


class SourceKind(StrEnum):
    PARQUET = "parquet"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True)
class ExposureTable:
    """Who saw which arm when. `experiment` names the column with the experiment's key ("": all rows belong to
    the one that uses the source). `arms` turns values of the arm's column into variants of the plan; `dims`
    are pairs of (dim, column)."""

    table: str
    unit: str
    arm: str
    time: str
    experiment: str = ""
    arms: Pairs = ()
    dims: Pairs = ()

    @property
    def columns(self) -> dict[str, str]:
        """What each column is for."""
        named = {"unit": self.unit, "arm": self.arm, "time": self.time, "experiment": self.experiment}
        return {role: column for role, column in named.items() if column} | _dim_columns(self.dims)

    def to_dict(self) -> dict[str, Any]:
        return _stated(
            table=self.table,
            unit=self.unit,
            arm=self.arm,
            time=self.time,
            experiment=self.experiment,
            arms=dict(self.arms),
            dims=dict(self.dims),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ExposureTable:
        return cls(**{**data, **_pairs(data, "arms", "dims")})


@dataclass(frozen=True, slots=True)
class EventTable:
    """What happened. Every row is an `event` of this name, or `event_column` names each row's event."""

    table: str
    unit: str
    time: str
    event: str = ""
    event_column: str = ""
    value: str = ""
    dims: Pairs = ()

    @property
    def columns(self) -> dict[str, str]:
        """What each column is for."""
        named = {"unit": self.unit, "time": self.time, "event": self.event_column, "value": self.value}
        return {role: column for role, column in named.items() if column} | _dim_columns(self.dims)

    def to_dict(self) -> dict[str, Any]:
        return _stated(
            table=self.table,
            unit=self.unit,
            time=self.time,
            event=self.event,
            event_column=self.event_column,
            value=self.value,
            dims=dict(self.dims),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EventTable:
        return cls(**{**data, **_pairs(data, "dims")})


@dataclass(frozen=True, slots=True)
class SourceDefinition:
    """One source, complete. `folder` is where Parquet files lie; `connection` is the name of an environment
    variable of the worker that holds a PostgreSQL address, never the address itself."""

    key: str
    title: str
    kind: SourceKind
    exposures: ExposureTable
    events: tuple[EventTable, ...]
    folder: str = ""
    connection: str = ""

    @property
    def tables(self) -> tuple[ExposureTable | EventTable, ...]:
        return (self.exposures, *self.events)

    @property
    def place(self) -> str:
        return self.folder or self.connection

    def canonical(self) -> dict[str, Any]:
        """JSON-ready content that the hash covers."""
        return _stated(
            key=self.key,
            title=self.title,
            kind=self.kind.value,
            folder=self.folder,
            connection=self.connection,
            exposures=self.exposures.to_dict(),
            events=[table.to_dict() for table in self.events],
        )

    @property
    def sha256(self) -> str:
        return canonical_sha256(self.canonical())

    @classmethod
    def from_canonical(cls, data: Mapping[str, Any]) -> SourceDefinition:
        return cls(
            **{
                **data,
                "kind": SourceKind(data["kind"]),
                "exposures": ExposureTable.from_dict(data["exposures"]),
                "events": tuple(map(EventTable.from_dict, data["events"])),
            }
        )


def _dim_columns(dims: Pairs) -> dict[str, str]:
    return {f"dim {name}": column for name, column in dims}


def _stated(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _pairs(data: Mapping[str, Any], *names: str) -> dict[str, Pairs]:
    return {name: tuple(sorted(data.get(name, {}).items())) for name in names}
