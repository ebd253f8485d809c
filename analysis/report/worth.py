"""Who knows what a change is worth: money measured in the outcome, and money modelled from speed.

The models live in an app above this one, which registers a function when it is ready. It is asked once, when
a look is stored, and its answer becomes part of the snapshot. An expired model never enters a report: that
is checked when the document is built, whoever answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from analysis.report.facts import ReportFacts, WorthFacts

WorthOf = Callable[[ReportFacts, datetime], WorthFacts | None]
_providers: list[WorthOf] = []


def register(worth_of: WorthOf) -> None:
    """Ask `worth_of(facts, now)` when a look is stored; None is "no dollar model"."""
    if worth_of not in _providers:
        _providers.append(worth_of)


def valued(facts: ReportFacts, *, now: datetime) -> ReportFacts:
    """The facts with the first answer; facts that carry their worth already stay as they are."""
    if facts.worth is not None:
        return facts
    answers = (worth_of(facts, now) for worth_of in _providers)
    return replace(facts, worth=next((found for found in answers if found is not None), None))
