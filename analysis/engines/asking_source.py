"""What engines over a company's own tables share: each opens a backend for a plan and asks it everything."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager

from analysis.engines import crossed, dealing, mapped, reading
from analysis.engines.contract import Parts, Readings, StoreFiles
from analysis.engines.look import Backend
from analysis.plan import AnalysisPlan, Entry
from analysis.sources.definition import SourceDefinition


class AskingSource(ABC):
    """The plan over `source`; the store's files are not looked at."""

    __slots__ = ()
    source: SourceDefinition

    @abstractmethod
    def _opened(self, plan: AnalysisPlan) -> AbstractContextManager[Backend]:
        """The source's rows as exposures and events of the store."""

    def read(self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float]) -> Readings:
        """See `Engine.read`."""
        with self._opened(plan) as backend:
            return reading.read(plan, backend, caps)

    def parts(
        self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float], deal: int = 0
    ) -> Parts:
        """See `Dealer.parts`."""
        with self._opened(plan) as backend:
            return dealing.parts(plan, backend, caps, deal)

    def crossed(
        self, cells: AnalysisPlan, one: AnalysisPlan, other: AnalysisPlan, files: StoreFiles
    ) -> Readings:
        """See `Crosser.crossed`."""
        mapped.can_cross(self.source)
        with self._opened(cells) as backend:
            return crossed.read(cells, backend, {}, one=one, other=other)
