"""Pictures as SVG text, made from the stored document alone: intervals against zero and limit, and glyphs.

Colours come from the page's style sheet through classes; position, bar pattern and the word beside it carry
the meaning, so that a grey print reads the same. Everything written into a picture is escaped here.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

WIDTH, HEIGHT, MIDDLE = 280.0, 44.0, 19.0
EDGE = 14.0
"""Room at both sides for the arrows of cut ends."""

GLYPHS = {
    "up-in-circle": (
        '<circle cx="8" cy="8" r="7" class="outline"/>'
        '<path d="M8 12V4.5M4.8 7.6 8 4.4l3.2 3.2" class="stroke"/>'
    ),
    "equals": '<path d="M3 5.8h10M3 10.2h10" class="stroke thick"/>',
    "down-thin": '<path d="M8 2.5v10.4M4 9l4 4 4-4" class="stroke"/>',
    "down-bold": '<path d="M5.6 1.5h4.8v6.2h4L8 15 1.6 7.7h4z" class="fill"/>',
    "question": (
        '<path d="M4.8 5.6a3.2 3.2 0 1 1 4.6 2.9C8.4 9 8 9.6 8 10.6" class="stroke thick"/>'
        '<circle cx="8" cy="13.6" r="1.2" class="fill"/>'
    ),
    "ring": '<circle cx="8" cy="8" r="5.6" class="outline"/>',
    "diamond": '<path d="M8 2l6 6-6 6-6-6z" class="outline"/>',
    "dash": '<path d="M3 8h10" class="stroke thick"/>',
    "tick": '<path d="M2.6 8.6 6.4 12.4 13.6 4" class="stroke thick"/>',
    "exclamation": '<path d="M8 2v7.6" class="stroke thick"/><circle cx="8" cy="13.2" r="1.3" class="fill"/>',
    "cross": '<path d="M3.4 3.4l9.2 9.2M12.6 3.4l-9.2 9.2" class="stroke thick"/>',
    "hourglass": ('<path d="M3.5 2h9M3.5 14h9M4.5 2c0 4 7 4 7 12M11.5 2c0 4-7 4-7 12" class="stroke"/>'),
    "balance": (
        '<path d="M8 2v12M3.4 14h9.2M2 5h12M2 5l-1.4 4h4.2L3.4 5M12.6 5l-1.4 4h4.2L14 5" class="stroke"/>'
    ),
}


def glyph(name: str, *, size: int = 16) -> str:
    """A sign beside a word; the word says the same, so readers who cannot see it miss nothing."""
    drawn = GLYPHS[name]
    frame = f'class="glyph" viewBox="0 0 16 16" width="{size}" height="{size}"'
    return f'<svg {frame} aria-hidden="true">{drawn}</svg>'


def interval(
    shown: Mapping[str, Any], axis: Mapping[str, Any], *, tone: str, ends: tuple[str, str] | None
) -> str:
    """One interval on its shared axis, right is better. `ends` are the words at the axis' two ends."""
    reach = float(axis["reach"])
    parts = [
        _zone(shown["limit"], reach),
        f'<path d="M{WIDTH / 2:g} 2V{HEIGHT - 12:g}" class="zero"/>',
        _bar(shown, reach, tone),
        _labels(axis, ends) if ends else "",
    ]
    frame = f'class="forest tone-{tone}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}"'
    return f'<svg {frame} aria-hidden="true" focusable="false">{"".join(parts)}</svg>'


def place(value: float, reach: float) -> float:
    """Where a value lies, held inside the axis."""
    inside = max(-1.0, min(1.0, value / reach))
    return round(WIDTH / 2 + inside * (WIDTH / 2 - EDGE), 2)


def _zone(limit: float | None, reach: float) -> str:
    """Beyond the limit: where a loss is larger than accepted."""
    if limit is None or limit >= reach:
        return ""
    edge = place(-limit, reach)
    return (
        f'<rect x="0" y="4" width="{edge:g}" height="{HEIGHT - 18:g}" class="zone"/>'
        f'<path d="M{edge:g} 2V{HEIGHT - 12:g}" class="limit"/>'
    )


def _bar(shown: Mapping[str, Any], reach: float, tone: str) -> str:
    left = place(-reach if shown["low"] is None else shown["low"], reach)
    right = place(reach if shown["high"] is None else shown["high"], reach)
    drawn = [f'<path d="M{left:g} {MIDDLE:g}H{right:g}" class="bar"/>']
    drawn += [_end(left, shown["cut_low"], -1), _end(right, shown["cut_high"], 1)]
    if shown["point"] is not None and abs(shown["point"]) <= reach:
        drawn.append(f'<circle cx="{place(shown["point"], reach):g}" cy="{MIDDLE:g}" r="5" class="point"/>')
    return "".join(drawn)


def _end(at: float, cut: str, side: int) -> str:
    """A small stop at a true end; an arrow with the number where the axis is shorter than the interval."""
    if not cut:
        return f'<path d="M{at:g} {MIDDLE - 6:g}v12" class="stop"/>'
    tip, anchor = at + side * (EDGE - 3), "start" if side < 0 else "end"
    return (
        f'<path d="M{at:g} {MIDDLE - 6:g}L{tip:g} {MIDDLE:g}L{at:g} {MIDDLE + 6:g}z" class="arrow"/>'
        f'<text x="{tip:g}" y="{MIDDLE - 9:g}" text-anchor="{anchor}" class="cut">{escape(cut)}</text>'
    )


def _labels(axis: Mapping[str, Any], ends: tuple[str, str]) -> str:
    text, low = escape(str(axis["text"])), HEIGHT - 1
    worse, better = escape(ends[0]), escape(ends[1])
    return (
        f'<text x="2" y="{low:g}" class="tick">{text} {worse}</text>'
        f'<text x="{WIDTH / 2:g}" y="{low:g}" text-anchor="middle" class="tick">0</text>'
        f'<text x="{WIDTH - 2:g}" y="{low:g}" text-anchor="end" class="tick">{text} {better}</text>'
    )
