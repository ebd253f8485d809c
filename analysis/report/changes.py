"""What is different between two looks at one experiment, in sentences. Pure, from two stored documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]


def between(before: Document, after: Document) -> list[str]:
    """Verdict, checks and states that differ, the most important first; empty when only numbers moved."""
    return [*_plan(before, after), *_verdict(before, after), *_checks(before, after), *_states(before, after)]


def _plan(before: Document, after: Document) -> Iterator[str]:
    old, new = before["experiment"]["plan_version"], after["experiment"]["plan_version"]
    if old != new:
        yield f"The plan changed from version {old} to {new}: numbers of the two are not comparable."


def _verdict(before: Document, after: Document) -> Iterator[str]:
    old, new = before["verdict"]["word"], after["verdict"]["word"]
    if old != new:
        yield f"The verdict went from {old} to {new}."


def _checks(before: Document, after: Document) -> Iterator[str]:
    old = {check["kind"]: check for check in before["trust"]["checks"]}
    for check in after["trust"]["checks"]:
        was = old.get(check["kind"])
        if was is not None and was["status"] != check["status"]:
            yield f"{check['label']} check: {was['word']} before, {check['word']} now."


def _states(before: Document, after: Document) -> Iterator[str]:
    old = dict(_arms(before))
    new = dict(_arms(after))
    for place, (title, word, change) in new.items():
        if place not in old:
            yield f"{title} is new: {word}."
        elif old[place][1] != word:
            yield f"{title}: {old[place][1]} before, {word} now{change}."
    for place, (title, _, _) in old.items():
        if place not in new:
            yield f"{title} is gone."


def _arms(document: Document) -> Iterator[tuple[tuple[str, str, str], tuple[str, str, str]]]:
    """(metric, role, arm) → (title, state in words, change with its range)."""
    is_multi_arm = len(document["experiment"]["treatments"]) > 1
    for row in document["results"]:
        for arm in row["arms"]:
            title = f"{row['title']} in {arm['arm']}" if is_multi_arm else row["title"]
            change = arm["change"]
            shown = f" ({change['point']}, {change['span']})" if change["point"] else ""
            yield (row["metric"], row["role"], arm["arm"]), (title, arm["word"].lower(), shown)
