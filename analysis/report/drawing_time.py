"""The effect over time as SVG text: a band with its line, grey until the minimum duration, marks.

Made from the content of `over_time` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from analysis.report.drawing_frame import LEFT, TOP, Frame, axis, end

WIDTH, HEIGHT, RIGHT, BOTTOM = 760.0, 250.0, 18.0, 34.0
WIDE_ENOUGH = 110.0
"""Where the words for early looks fit in."""

Point = Mapping[str, Any]


def over_time(content: Mapping[str, Any]) -> str:
    """The picture of one metric and arm."""
    frame = Frame(float(content["top"]), float(content["bottom"]), WIDTH - RIGHT, HEIGHT - BOTTOM)
    points = content["points"]
    last = points[-1]
    label = (
        f"{content['title']}: effect at {len(points)} looks; "
        f"at the newest {last['point_text']}, {last['range_text']}"
    )
    parts = [
        _early(content),
        *(_weekend(each) for each in content["weekends"]),
        axis(content, frame),
        _days(content),
        *(_mark(mark) for mark in content["marks"]),
        *(_band(run, frame) for run in _runs(points)),
        *(_line(run, frame) for run in _runs(points)),
        *(_point(point, frame) for point in points),
    ]
    return (
        f'<svg class="curve over-time" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'
    )


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _early(content: Mapping[str, Any]) -> str:
    """Before the minimum duration nothing should be read off."""
    width = _x(content["readable_share"]) - LEFT
    if width <= 0:
        return ""
    height = HEIGHT - TOP - BOTTOM
    text = ""
    if width > WIDE_ENOUGH:
        text = f'<text x="{LEFT + 6:g}" y="{TOP + 14:g}" class="tick">too early to read</text>'
    return f'<rect x="{LEFT:g}" y="{TOP:g}" width="{width:g}" height="{height:g}" class="early"/>{text}'


def _weekend(found: Mapping[str, float]) -> str:
    """A narrow strip at the foot: traffic differs, so that a step there is no surprise."""
    left, right = _x(found["from"]), _x(found["to"])
    y = HEIGHT - BOTTOM - 5
    return (
        f'<rect x="{left:g}" y="{y:g}" width="{max(right - left, 0):g}" height="5" class="weekend">'
        "<title>weekend</title></rect>"
    )


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """Looks that may be joined by a line: those under one plan."""
    return [list(run) for _, run in groupby(points, key=lambda point: point["is_other_plan"])]


def _days(content: Mapping[str, Any]) -> str:
    """The first and the last day."""
    start, last, y = escape(content["start_text"]), escape(content["end_text"]), HEIGHT - 8
    return (
        f'<text x="{LEFT:g}" y="{y:g}" class="tick">{start}</text>'
        f'<text x="{WIDTH - RIGHT:g}" y="{y:g}" text-anchor="end" class="tick">{last}</text>'
    )


def _mark(mark: Point) -> str:
    at = _x(mark["share"])
    title = escape(f"{mark['text']} {mark['kind']}: {mark['title']}")
    return (
        f'<g><title>{title}</title><path d="M{at:g} {TOP:g}V{HEIGHT - BOTTOM:g}" class="mark"/>'
        f'<path d="M{at - 5:g} {TOP - 8:g}h10l-5 8z" class="mark-head"/></g>'
    )


def _band(points: Sequence[Point], frame: Frame) -> str:
    above = [_at(point, end(point["high"], frame.top), frame) for point in points]
    below = [_at(point, end(point["low"], -frame.bottom), frame) for point in reversed(points)]
    return f'<path d="M{"L".join(above + below)}Z" class="band"/>'


def _line(points: Sequence[Point], frame: Frame) -> str:
    path = "L".join(_at(point, point["difference"], frame) for point in points)
    return f'<path d="M{path}" class="line{" earlier" if points[0]["is_other_plan"] else ""}"/>'


def _at(point: Point, value: float, frame: Frame) -> str:
    return f"{_x(point['share']):g} {frame.height(value):g}"


def _point(point: Point, frame: Frame) -> str:
    x, y = _x(point["share"]), frame.height(point["difference"])
    title = escape(f"look {point['look']}, {point['at_text']}: {point['point_text']} ({point['range_text']})")
    return f'<g><title>{title}</title><circle cx="{x:g}" cy="{y:g}" r="3.5" class="point"/></g>'
