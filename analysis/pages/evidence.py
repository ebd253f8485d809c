"""What stands behind each check of a look, as lines that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analysis import queries
from analysis.models import AnalysisRun
from analysis.report import numbers, vocabulary
from analysis.report.facts import CheckStatus

Line = dict[str, str]
MOST = 12
"""Values of a list that are named; the others are counted."""


def of_run(run: AnalysisRun) -> dict[str, list[Line]]:
    """By kind of check, its parts first and then every number."""
    return {check.kind: [*_parts(check.evidence), *_lines(check.evidence)] for check in queries.checks(run)}


def _parts(evidence: Mapping[str, Any]) -> Iterator[Line]:
    for part in evidence.get("parts", ()):
        word = vocabulary.CHECKS[CheckStatus(part["status"])].word
        yield {"name": part["name"].capitalize(), "text": f"{word}: {part['found']}"}


def _lines(evidence: Mapping[str, Any], prefix: str = "") -> Iterator[Line]:
    for name, value in evidence.items():
        title = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _lines(value, f"{title}: ")
        elif name != "parts":
            yield {"name": title.capitalize(), "text": _text(value)}


def _text(value: Any) -> str:
    if isinstance(value, list):
        more = f" and {numbers.count(len(value) - MOST)} more" if len(value) > MOST else ""
        return f"{', '.join(map(_text, value[:MOST]))}{more}" if value else "none"
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return numbers.count(value)
    return numbers.exact(value) if isinstance(value, float) else str(value)
