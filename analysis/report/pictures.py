"""Pictures that stand alone: the charts of a report as SVG files with their colours inside.

On the page the style sheet colours a drawing; in a file, a PDF or a mail there is none, so that the same
rules are written into the picture. Made from the stored document alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from analysis.report import drawing_curve, drawing_forest, drawing_histogram
from ledger.refusals import NotFound, problem

NAMESPACE = "http://www.w3.org/2000/svg"
FONTS = '"Noto Sans","Liberation Sans","DejaVu Sans",Arial,sans-serif'
STATE_OF_TONE = {
    "better": "better",
    "held": "held",
    "within": "within",
    "unproven": "unproven",
    "harm": "harm",
    "ship": "better",
    "no-effect": "held",
    "decide": "within",
    "inconclusive": "unproven",
    "keep-running": "unproven",
    "roll-back": "harm",
    "do-not-use": "harm",
    "ok": "better",
    "warn": "within",
    "fail": "harm",
    "not-run": "unproven",
}
LIGHT = {
    "surface": "#ffffff",
    "sunken": "#eef0f4",
    "ink": "#16202c",
    "muted": "#566273",
    "line": "#d8dde5",
    "accent": "#0b62a4",
    "limit": "#f4d9cc",
    "better": "#0b62a4",
    "held": "#3d6b5c",
    "within": "#8a6100",
    "unproven": "#6b6b6b",
    "harm": "#c2410c",
}
"""The console's light colours; a file is read in places whose background nobody knows, so it is white."""

_RULES = """
svg{{font-family:{fonts};color:{accent}}}
.fill,.arrow{{fill:currentColor}}
.outline,.stroke{{fill:none;stroke:currentColor;stroke-width:1.7;stroke-linecap:round;stroke-linejoin:round}}
.thick{{stroke-width:2.3}}
.zone{{fill:{limit}}}
.limit{{stroke:{harm};stroke-width:1.2;stroke-dasharray:3 2;fill:none}}
.zero{{stroke:{muted};stroke-width:1;fill:none}}
.grid-line{{stroke:{line};fill:none}}
.bar{{stroke:currentColor;stroke-width:6;stroke-opacity:.5;fill:none}}
.stop{{stroke:currentColor;stroke-width:1.8;fill:none}}
.band{{fill:currentColor;fill-opacity:.17}}
.line{{stroke:currentColor;stroke-width:2.2;fill:none;stroke-linejoin:round}}
.other{{stroke:{muted};stroke-width:2;stroke-dasharray:5 3;fill:none;stroke-linejoin:round}}
.point{{fill:currentColor;stroke:{surface};stroke-width:1.5}}
.early{{fill:{sunken}}}
.mark{{stroke:{muted};stroke-width:1;stroke-dasharray:2 3;fill:none}}
.mark-head{{fill:{muted}}}
.tick{{fill:{muted};font-size:12px}}
.cut{{fill:{ink};font-size:12px}}
.value{{fill:{ink};font-size:12.5px;font-weight:600}}
.name{{fill:{ink};font-size:13px;font-weight:600}}
.said{{fill:{ink};font-size:12.5px}}
.word{{fill:currentColor;font-size:12.5px;font-weight:600}}
.head{{fill:{muted};font-size:11.5px;font-weight:600}}
.rule{{stroke:{line};fill:none}}
.tone-unproven .bar{{stroke-dasharray:2.5 2;stroke-opacity:.9}}
.tone-unproven .point{{fill:{surface};stroke:currentColor;stroke-width:2}}
"""


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture of a report, drawn when it is asked for. `name` is its part of an address."""

    name: str
    title: str
    draw: Callable[[], str]

    @property
    def svg(self) -> str:
        """The drawing; it needs the page's style sheet, or `standalone`."""
        return self.draw()


def charts(document: Mapping[str, Any]) -> tuple[Chart, ...]:
    """Every picture of a report that shows its effects, in the order of the page."""
    return tuple(_charts(document))


def chart(document: Mapping[str, Any], name: str) -> Chart:
    """The picture of that name, or NotFound."""
    found = charts(document)
    for each in found:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in found) or "none"
    raise NotFound(problem("chart", name, "the report has no such picture", f"It has: {names}."))


def standalone(svg: str, *, tone: str = "") -> str:
    """The same drawing as a file of its own; `tone` colours a glyph that stands outside of its row."""
    rules = _RULES.format(fonts=FONTS, **LIGHT) + "".join(_tones())
    style = f"<style>{rules}</style>"
    cls = f' class="tone-{tone}"' if tone else ""
    inside = re.sub(r"^<svg ([^>]*)>", rf'<svg xmlns="{NAMESPACE}" \1>{style}<g{cls}>', svg, count=1)
    return inside.removesuffix("</svg>") + "</g></svg>"


def size_of(svg: str) -> tuple[float, float]:
    """Width and height of a drawing, in its own units."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if found is None:
        raise ValueError("a drawing needs a viewBox from 0 0")
    return float(found[1]), float(found[2])


def _tones() -> Iterator[str]:
    for tone, state in STATE_OF_TONE.items():
        yield f".tone-{tone}{{color:{LIGHT[state]}}}"


def _charts(document: Mapping[str, Any]) -> Iterator[Chart]:
    if drawing_forest.has_intervals(document):
        yield Chart("what-moved", "What moved", partial(drawing_forest.forest, document))
    for at, curve in enumerate(document["curves"], 1):
        title = f"{curve['title']} by quantile, {curve['arm']}"
        yield Chart(f"curve-{at}", title, partial(drawing_curve.curve, curve))
    for at, found in enumerate(document.get("histograms", ()), 1):
        title = f"Distribution of {found['title']}, {found['arm']}"
        yield Chart(f"histogram-{at}", title, partial(drawing_histogram.histogram, found))
