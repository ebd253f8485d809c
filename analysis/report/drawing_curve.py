"""The effect at every quantile as SVG text: a line with its band, zero between, slower above.

Answers "the mean is up, the median down". Made from the stored document alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from analysis.report.drawing_frame import LEFT, Frame, axis, end

WIDTH, HEIGHT, RIGHT, BOTTOM = 560.0, 240.0, 16.0, 32.0
CLEARANCE = 14.0
"""A line that rises faster than this to the next point would run through a label above the point."""

Point = Mapping[str, Any]


def curve(content: Mapping[str, Any]) -> str:
    """The picture of one quantile-effect curve."""
    frame = Frame(float(content["top"]), float(content["bottom"]), WIDTH - RIGHT, HEIGHT - BOTTOM)
    placed = list(zip(_columns(len(content["points"])), content["points"], strict=True))
    known = [(x, point) for x, point in placed if point["difference"] is not None]
    parts = [
        axis(content, frame),
        _band(known, frame),
        _line(known, frame),
        *(_point(*each, frame, after) for each, after in zip(known, [*known[1:], None], strict=True)),
        *(_column(x, point) for x, point in placed),
    ]
    label = escape(f"{content['title']}: change by quantile, {content['text']}", quote=True)
    return (
        f'<svg class="curve" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _columns(number: int) -> list[float]:
    """Quantiles stand at equal distances: the tail deserves as much room as the middle."""
    step = (WIDTH - LEFT - RIGHT) / max(number, 1)
    return [round(LEFT + step * (index + 0.5), 1) for index in range(number)]


def _band(known: Sequence[tuple[float, Point]], frame: Frame) -> str:
    if not known:
        return ""
    above = [f"{x:g} {frame.height(end(point['high'], frame.top)):g}" for x, point in known]
    below = [f"{x:g} {frame.height(end(point['low'], -frame.bottom)):g}" for x, point in reversed(known)]
    return f'<path d="M{"L".join(above + below)}Z" class="band"/>'


def _line(known: Sequence[tuple[float, Point]], frame: Frame) -> str:
    if not known:
        return ""
    path = "L".join(f"{x:g} {frame.height(point['difference']):g}" for x, point in known)
    return f'<path d="M{path}" class="line"/>'


def _point(x: float, point: Point, frame: Frame, after: tuple[float, Point] | None) -> str:
    at, value = frame.height(point["difference"]), float(point["difference"])
    side = -1 if value > 0 else 1
    mark = f'<circle cx="{x:g}" cy="{at:g}" r="4.5" class="point"/>'
    if not frame.holds(value):
        mark = f'<path d="M{x - 6:g} {at - side * 8:g}h12L{x:g} {at:g}z" class="arrow"/>'
    detail, number = escape(f"{point['label']}: {point['point_text']} ({point['span']})"), point["point_text"]
    rises = after is not None and frame.height(after[1]["difference"]) < at - CLEARANCE
    place = f'x="{x - 8:g}" y="{at - 7:g}" text-anchor="end"'
    if not rises:
        place = f'x="{x:g}" y="{at - 10:g}" text-anchor="middle"'
    text = f'<text {place} class="value">{escape(number)}</text>'
    return f"<g><title>{detail}</title>{mark}{text}</g>"


def _column(x: float, point: Point) -> str:
    """The quantile's name; where nothing can be said, that too."""
    missing = " –" if point["difference"] is None else ""
    label = escape(point["label"] + missing)
    return f'<text x="{x:g}" y="{HEIGHT - 8:g}" text-anchor="middle" class="tick">{label}</text>'
