"""A stored document as a PDF sheet, and a drawing as a PNG. Typst does the setting; it is loaded when needed.

The same document gives the same bytes on a machine with the same fonts: no clock and no random name goes in.
The document reaches the template as data, so that nothing in a name can become markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from analysis.report import drawing, page, pictures

TEMPLATE = Path(__file__).with_name("report.typ")
PNG_WIDTH_PX = 1200
POINTS_PER_INCH = 72
_PNG = (
    b"#let drawn = sys.inputs.svg\n"
    b"#set page(width: float(sys.inputs.width) * 1pt, height: float(sys.inputs.height) * 1pt, margin: 0pt)\n"
    b'#image(bytes(drawn), format: "svg", width: 100%)\n'
)


def pdf(document: Mapping[str, Any], sha256: str, *, show_effects: bool, url: str = "") -> bytes:
    """The report on A4: one page for most, more where there are many deciding metrics."""
    import typst

    content = json.dumps(_sheet(document, sha256, show_effects=show_effects, url=url), ensure_ascii=False)
    made = typst.compile(_template(), format="pdf", sys_inputs={"sheet": content})
    if not isinstance(made, bytes):
        raise TypeError("a PDF is one file")
    return made


def png(svg: str, *, width_px: int = PNG_WIDTH_PX) -> bytes:
    """A drawing of the page on white; its height follows from its shape."""
    import typst

    width, height = pictures.size_of(svg)
    given = {"svg": pictures.standalone(svg), "width": f"{width:g}", "height": f"{height:g}"}
    ppi = POINTS_PER_INCH * width_px / width
    made = typst.compile(_PNG, format="png", ppi=ppi, sys_inputs=given)
    if not isinstance(made, bytes):
        raise TypeError("a drawing is one page")
    return made


@cache
def _template() -> bytes:
    return TEMPLATE.read_bytes()


def _sheet(document: Mapping[str, Any], sha256: str, *, show_effects: bool, url: str) -> dict[str, Any]:
    """What the template reads: the document and its drawings as files of their own."""
    shown = page.present(document)
    verdict = document["verdict"]
    return {
        "report": _without_rows(document),
        "sha256": sha256,
        "url": url,
        "show_effects": show_effects,
        "colours": {**pictures.LIGHT, "tone": pictures.LIGHT[pictures.STATE_OF_TONE[verdict["tone"]]]},
        "verdict_glyph": _glyph(verdict["glyph"], verdict["tone"]),
        "chips": [{**chip, "svg": _glyph(chip["glyph"], chip["tone"])} for chip in shown["chips"]],
        "concerns": shown["concerns"],
        "groups": _groups(shown["groups"]) if show_effects else [],
        "curves": [pictures.standalone(curve["svg"]) for curve in shown["curves"]] if show_effects else [],
        "is_multi_arm": shown["is_multi_arm"],
    }


def _without_rows(document: Mapping[str, Any]) -> dict[str, Any]:
    """The template reads results by their groups."""
    return {name: value for name, value in document.items() if name not in ("results", "histograms")}


def _groups(groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "heading": group["heading"],
            "rows": [_row(row, arm, at) for row in group["rows"] for at, arm in enumerate(row["arms"])],
        }
        for group in groups
    ]


def _row(row: Mapping[str, Any], arm: Mapping[str, Any], at: int) -> dict[str, Any]:
    """One line of the table; the metric's name stands on its first arm only."""
    notes = [
        arm["arm"],
        row["unit_note"] if at == 0 else "",
        f"limit {row['margin']['text']}" if at == 0 and row["margin"] and row["margin"]["text"] else "",
        f"capped at {row['cap']['text']}" if at == 0 and row["cap"] else "",
    ]
    return {
        "title": row["title"] if at == 0 else "",
        "badge": row["tier_badge"] if at == 0 else "",
        "arm": notes[0],
        "notes": [note for note in notes[1:] if note],
        "control": {"text": row["control"]["short"] or "no value", "counts": row["control"]["counts_text"]},
        "treatment": {"text": arm["short"] or "no value", "counts": arm["counts_text"]},
        "change": arm["change"],
        "svg": pictures.standalone(arm["svg"]) if arm["svg"] else "",
        "glyph": _glyph(arm["glyph"], arm["tone"]),
        "word": arm["word"],
        "note": arm["note"],
        "colour": pictures.LIGHT[pictures.STATE_OF_TONE[arm["tone"]]],
    }


def _glyph(name: str, tone: str) -> str:
    return pictures.standalone(drawing.glyph(name), tone=tone)
