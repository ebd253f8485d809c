"""Watching evaluations: what a hook looks like. See docs/how-to/use-the-sdk.md."""

from __future__ import annotations

from typing import Any, Protocol

from headway.evaluation import Evaluation


class Hook(Protocol):
    """Called around every evaluation of a client. What a hook raises is counted and logged, not passed on."""

    def before(self, flag: str, unit: Any, attributes: Any, default: Any) -> None:
        """An evaluation begins."""

    def after(self, evaluation: Evaluation, unit: Any, attributes: Any) -> None:
        """An evaluation has its answer."""
