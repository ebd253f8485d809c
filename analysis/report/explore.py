"""Every metric in every slice as one table, from the stored document. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
EVERYBODY = "everybody"


def choices(document: Document) -> dict[str, list[tuple[str, str]]]:
    """(value, title) of what the table can be narrowed to."""
    metrics = {row["metric"]: row["title"] for row in document["results"]}
    dimensions = dict.fromkeys(row["dimension"] for row in document["slices"]["rows"])
    arms = document["experiment"]["treatments"]
    return {
        "metric": list(metrics.items()),
        "dimension": [(EVERYBODY, EVERYBODY), *((name, name) for name in dimensions)],
        "arm": [(arm, arm) for arm in arms],
    }


def rows(document: Document, *, metric: str = "", dimension: str = "", arm: str = "") -> list[dict[str, Any]]:
    """One row per metric, arm and slice, everybody first; empty filters keep everything."""
    wanted = {"metric": metric, "dimension": dimension, "arm": arm}
    return [
        row
        for row in sorted(_all(document), key=lambda row: row["order"])
        if all(not value or row[name] == value for name, value in wanted.items())
    ]


def _all(document: Document) -> Iterator[dict[str, Any]]:
    order = {row["metric"]: at for at, row in enumerate(document["results"])}
    for row in document["results"]:
        for arm in row["arms"]:
            yield _overall(row, arm, order[row["metric"]])
    for row in document["slices"]["rows"]:
        yield {**row, "order": (order.get(row["metric"], len(order)), 1), "state": "", "tone": ""}


def _overall(row: Mapping[str, Any], arm: Mapping[str, Any], order: int) -> dict[str, Any]:
    change = arm["change"]
    return {
        "metric": row["metric"],
        "title": row["title"],
        "arm": arm["arm"],
        "dimension": EVERYBODY,
        "level": "",
        "units_text": arm["both_units_text"],
        "text": f"{change['point']} ({change['span']})" if change["point"] else "no number",
        "adjusted_text": "",
        "heterogeneity_text": "",
        "flagged": False,
        "differs": False,
        "is_harm": False,
        "state": arm["word"],
        "tone": arm["tone"],
        "order": (order, 0),
    }
