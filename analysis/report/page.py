"""A stored document as the page shows it: rows under their headings, each with its picture. Pure.

Nothing is computed or formatted here; texts are those of the document, pictures are drawn from its numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from analysis.report import drawing, drawing_curve, drawing_histogram

Row = Mapping[str, Any]
HEADINGS = {"primary": "Primary", "success": "Success", "guardrail": "Guardrails", "monitored": "Monitored"}
UNDIRECTED = ("lower", "higher")
DIRECTED = ("worse", "better")


def present(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows beside the document itself."""
    rows = document["results"]
    main = [row for row in rows if row["block"] != "monitored"]
    return {
        "report": document,
        "verdict_glyph": drawing.glyph(document["verdict"]["glyph"], size=30),
        "chips": [{**check, "svg": drawing.glyph(check["glyph"])} for check in document["trust"]["checks"]],
        "concerns": [check for check in document["trust"]["checks"] if check["status"] != "ok"],
        "groups": _groups(document, main),
        "monitored": _groups(document, [row for row in rows if row["block"] == "monitored"]),
        "curves": curves(document),
        "is_multi_arm": len(document["experiment"]["treatments"]) > 1,
    }


def curves(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The quantile curves with their pictures."""
    return [{**curve, "svg": drawing_curve.curve(curve)} for curve in document["curves"]]


def histograms(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The distributions with their pictures; they stand beside the report, not in it."""
    return [{**found, "svg": drawing_histogram.histogram(found)} for found in document.get("histograms", ())]


def _groups(document: Mapping[str, Any], rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows under their headings, in the document's order."""
    groups: list[dict[str, Any]] = []
    last_axis = ""
    for row in rows:
        if not groups or groups[-1]["block"] != row["block"]:
            groups.append({"block": row["block"], "heading": HEADINGS[row["block"]], "rows": []})
        arms = []
        for arm in row["arms"]:
            axis = arm["interval"]["axis"] if arm["interval"] else last_axis
            arms.append(_arm(document, row, arm, is_labelled=axis != last_axis))
            last_axis = axis
        groups[-1]["rows"].append({**row, "arms": arms})
    return groups


def _arm(document: Mapping[str, Any], row: Row, arm: Row, *, is_labelled: bool) -> dict[str, Any]:
    """The axis' ends are named where the axis differs from the one above."""
    ends = UNDIRECTED if row["direction"] == "none" else DIRECTED
    picture = ""
    if arm["interval"]:
        axis = document["axes"][arm["interval"]["axis"]]
        picture = drawing.interval(
            arm["interval"], axis, tone=arm["tone"], ends=ends if is_labelled else None
        )
    return {**arm, "svg": picture, "glyph_svg": drawing.glyph(arm["glyph"])}
