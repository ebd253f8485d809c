"""Reading a plan from the company's own tables that it names, instead of from the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.conf import settings

from analysis import source_queries
from analysis.engines import choice
from analysis.engines.contract import EngineFailure, Parts, Readings, StoreFiles
from analysis.health import DataFlow
from analysis.plan import AnalysisPlan, Entry
from analysis.services import sourcing
from analysis.sources import fitting
from analysis.sources.definition import SourceDefinition, SourceKind
from experiments.plan import LockedPlan
from ledger.refusals import raise_if_any

if TYPE_CHECKING:
    from analysis.engines.contract import SourceEngine

POSTGRES = "postgres"
HALF_A_DAY = 0.5


def engine_name(locked: LockedPlan) -> str:
    """The engine that reads the plan's source."""
    return _name(_definition(locked))


def configuration(locked: LockedPlan) -> str:
    """Part of a look's configuration: another description of the tables gives other numbers."""
    definition = _definition(locked)
    return f"{_name(definition)} {definition.key} {definition.sha256}"


def read(locked: LockedPlan, plan: AnalysisPlan, caps: Mapping[Entry, float]) -> Readings:
    """Everything one look needs. Raises Refused when the source cannot answer the plan, EngineFailure when
    its tables cannot be read."""
    definition = _definition(locked)
    raise_if_any(fitting.problems(definition, locked))
    return _engine(definition).read(plan, StoreFiles({}, {}), caps)


def parts(locked: LockedPlan, plan: AnalysisPlan, caps: Mapping[Entry, float], deal: int) -> Parts:
    """The units that a look enrols in groups at random, for nightly A/A splits. Raises as `read` does."""
    definition = _definition(locked)
    raise_if_any(fitting.problems(definition, locked))
    return _engine(definition).parts(plan, StoreFiles({}, {}), caps, deal)


def crossed(locked: LockedPlan, cells: AnalysisPlan, one: AnalysisPlan, other: AnalysisPlan) -> Readings:
    """The units that two experiments on the source of `locked` share. Raises as `read` does."""
    return _engine(_definition(locked)).crossed(cells, one, other, StoreFiles({}, {}))


def data_flow(plan: AnalysisPlan) -> DataFlow:
    """Nothing is known of how rows came into the company's tables; the days of the run are."""
    days = (plan.until - plan.since).total_seconds() / 86_400
    return DataFlow(waiting=0, accepted=0, refused=0, silent_days=(), days=int(days + HALF_A_DAY))


def _definition(locked: LockedPlan) -> SourceDefinition:
    return source_queries.source(locked.source).definition


def _name(definition: SourceDefinition) -> str:
    """A database reads its own tables; files are read by what reads the store."""
    return POSTGRES if definition.kind is SourceKind.POSTGRES else choice.name()


def _engine(definition: SourceDefinition) -> SourceEngine:
    """Engines are imported here: web processes ask for names only."""
    if definition.kind is SourceKind.PARQUET:
        return choice.files_engine(definition, settings.HEADWAY_SOURCE_ROOTS)
    from analysis.engines.postgres import PostgresEngine

    address = sourcing.address_of(definition)
    if not address:
        raise EngineFailure(f"the worker has no environment variable {definition.connection}")
    return PostgresEngine(definition, address)
