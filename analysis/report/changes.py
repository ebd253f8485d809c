"""What is different between two looks at one experiment, in sentences and side by side. Pure, from two stored
documents; nothing is computed, so that every number stands in one of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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


def side_by_side(before: Document, after: Document) -> list[dict[str, Any]]:
    """Every metric and arm with its change and state at both looks, in the newer look's order; what only the
    older one has comes last."""
    old, new = _cells(before), _cells(after)
    places = [*new, *(place for place in old if place not in new)]
    return [_pair(old.get(place), new.get(place)) for place in places]


def facts(before: Document, after: Document) -> list[dict[str, str]]:
    """The frame of both looks: data, units, plan, rule, code and worth."""
    pairs = [(label, read(before), read(after)) for label, read in _FACTS]
    return [
        {"label": label, "before": old, "after": new, "is_changed": "yes" if old != new else ""}
        for label, old, new in pairs
        if old or new
    ]


def _cells(document: Document) -> dict[tuple[str, str, str], dict[str, Any]]:
    is_multi_arm = len(document["experiment"]["treatments"]) > 1
    return {
        (row["metric"], row["role"], arm["arm"]): {
            "title": f"{row['title']}, {arm['arm']}" if is_multi_arm else row["title"],
            "point": arm["change"]["point"],
            "span": arm["change"]["span"],
            "word": arm["word"],
            "tone": arm["tone"],
            "glyph": arm["glyph"],
        }
        for row in document["results"]
        for arm in row["arms"]
    }


def _pair(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    known = after or before or {}
    is_new_state = before is not None and after is not None and before["word"] != after["word"]
    return {"title": known["title"], "before": before, "after": after, "is_new_state": is_new_state}


def _units(document: Document) -> str:
    return ", ".join(f"{arm['arm']} {arm['units_text']}" for arm in document["arms"])


_FACTS: tuple[tuple[str, Callable[[Document], str]], ...] = (
    ("Data until", lambda document: document["look"]["data_until_text"]),
    ("Days", lambda document: document["question"]["days_text"]),
    ("Units", _units),
    ("Coverage", lambda document: document["question"]["coverage_text"]),
    ("Trust", lambda document: document["trust"]["text"]),
    ("Slices", lambda document: document["slices"]["text"]),
    ("Worth", lambda document: document["worth"]["text"]),
    ("Rule", lambda document: document["decision"]["rule_text"]),
    ("Plan", lambda document: f"version {document['experiment']['plan_version']}"),
    ("Code", lambda document: document["method"]["code_version"]),
)
