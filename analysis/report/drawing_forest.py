"""All deciding results in one picture: name, interval on its shared axis, change and state, as SVG text.

For mails, chats and files, where the page's table is not at hand. Made from the stored document alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from analysis.report import drawing

WIDTH, ROW, HEAD, FOOT = 860.0, 52.0, 26.0, 18.0
NAME_X, INTERVAL_X, CHANGE_X, STATE_X = 8.0, 236.0, 534.0, 712.0
NAME_LETTERS, CHANGE_LETTERS, WORD_LETTERS = 30, 26, 20
MOST_ROWS = 14
"""More rows than this are a table, not a picture; the first ones are the deciding ones."""

Row = Mapping[str, Any]


def has_intervals(document: Mapping[str, Any]) -> bool:
    """Is there anything to draw?"""
    return any(arm["interval"] for _, arm in _deciding(document))


def forest(document: Mapping[str, Any]) -> str:
    """The picture of all deciding metrics in every arm."""
    found = list(_deciding(document))
    shown, left_out = found[:MOST_ROWS], len(found) - MOST_ROWS
    height = HEAD + ROW * len(shown) + FOOT
    foot = f"and {left_out} more rows on the page" if left_out > 0 else ""
    drawn = "".join(_rows(document, shown))
    label = escape("; ".join(f"{row['title']}: {arm['word']}" for row, arm in shown), quote=True)
    return (
        f'<svg class="forest-all" viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{label}">'
        f"{_head()}{drawn}{_text(NAME_X, height - 6, 'tick', foot)}</svg>"
    )


def _deciding(document: Mapping[str, Any]) -> Iterator[tuple[Row, Row]]:
    for row in document["results"]:
        for arm in row["arms"] if row["block"] != "monitored" else ():
            yield row, arm


def _head() -> str:
    y = HEAD - 10
    return (
        _text(NAME_X, y, "head", "Metric")
        + _text(INTERVAL_X, y, "head", "worse")
        + _text(INTERVAL_X + drawing.WIDTH, y, "head", "better", anchor="end")
        + _text(CHANGE_X, y, "head", "Change (plausible range)")
        + _text(STATE_X, y, "head", "State")
    )


def _rows(document: Mapping[str, Any], shown: list[tuple[Row, Row]]) -> Iterator[str]:
    is_multi_arm, last_axis = len(document["experiment"]["treatments"]) > 1, ""
    for at, (row, arm) in enumerate(shown):
        axis = arm["interval"]["axis"] if arm["interval"] else last_axis
        under = arm["arm"] if is_multi_arm else _limit(row)
        yield _row(document, row, arm, HEAD + at * ROW, under=under, is_labelled=axis != last_axis)
        last_axis = axis


def _row(document: Mapping[str, Any], row: Row, arm: Row, y: float, *, under: str, is_labelled: bool) -> str:
    middle, change = y + ROW / 2, arm["change"]
    parts = [
        f'<path d="M0 {y:g}H{WIDTH:g}" class="rule"/>',
        _text(NAME_X, middle - 3, "name", _short(row["title"], NAME_LETTERS)),
        _text(NAME_X, middle + 14, "tick", _short(under, NAME_LETTERS + 4)),
        _text(CHANGE_X, middle - 3, "name", _short(change["point"] or "no number", CHANGE_LETTERS)),
        _text(CHANGE_X, middle + 14, "said", _short(change["span"], CHANGE_LETTERS)),
        f'<g class="tone-{arm["tone"]}">{_sign(arm, middle)}</g>',
        _interval(document, row, arm, y, is_labelled=is_labelled),
    ]
    return "".join(parts)


def _sign(arm: Row, middle: float) -> str:
    glyph = drawing.GLYPHS[arm["glyph"]]
    word = _text(STATE_X + 21, middle + 4, "word", _short(arm["word"], WORD_LETTERS))
    return f'<g transform="translate({STATE_X:g} {middle - 8:g})">{glyph}</g>{word}'


def _interval(document: Mapping[str, Any], row: Row, arm: Row, y: float, *, is_labelled: bool) -> str:
    """The page's own drawing of the row, moved to its place."""
    if not arm["interval"]:
        return ""
    axis = document["axes"][arm["interval"]["axis"]]
    words = ("lower", "higher") if row["direction"] == "none" else ("worse", "better")
    drawn = drawing.interval(arm["interval"], axis, tone=arm["tone"], ends=words if is_labelled else None)
    inside = drawn.partition(">")[2].removesuffix("</svg>")
    return f'<g class="tone-{arm["tone"]}" transform="translate({INTERVAL_X:g} {y + 4:g})">{inside}</g>'


def _limit(row: Row) -> str:
    return f"limit {row['margin']['text']}" if row["margin"] and row["margin"]["text"] else ""


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def _text(x: float, y: float, kind: str, text: str, *, anchor: str = "start") -> str:
    if not text:
        return ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'
