"""The elasticity curve as SVG text: change of the outcome over added delay, its band, and a knee.

Made from what an estimate stored. Colours come from the style sheet, so the same picture works in the dark.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 640.0, 300.0
LEFT, RIGHT, TOP, FLOOR = 66.0, 604.0, 22.0, 250.0
ROOM = 1.15
"""How much further than the lowest end the axis goes."""

Point = Mapping[str, Any]


def curve(details: Mapping[str, Any]) -> str:
    """The picture of one study; empty when it stored no curve."""
    shape = details.get("curve")
    points: Sequence[Point] = details.get("points") or ()
    if not shape or not points:
        return ""
    frame = _Frame(shape, points)
    parts = [
        frame.axes(),
        _band(shape, frame),
        _line(details.get("smooth") or _pairs(shape["delivered_ms"], shape["changes"]), frame),
        _knee(details.get("knee"), frame),
        *(_point(point, frame) for point in points),
    ]
    label = escape(_words(points, details.get("knee")), quote=True)
    return (
        f'<svg class="curve" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


class _Frame:
    """From milliseconds and relative changes to places in the picture."""

    def __init__(self, shape: Mapping[str, Any], points: Sequence[Point]) -> None:
        lows = [*shape["lower"], *(point["low"] for point in points), -1e-4]
        highs = [*shape["upper"], *(point["high"] for point in points), 0.0]
        self.bottom, self.top = float(min(lows)) * ROOM, float(max(highs)) * ROOM
        self.most_ms = float(max(*shape["delivered_ms"], 1.0))

    def x(self, ms: float) -> float:
        return round(LEFT + ms / self.most_ms * (RIGHT - LEFT), 1)

    def y(self, change: float) -> float:
        share = (self.top - change) / (self.top - self.bottom)
        return round(TOP + share * (FLOOR - TOP), 1)

    def axes(self) -> str:
        zero = self.y(0.0)
        ticks = [step * self.most_ms / 4 for step in range(5)]
        names = [f"+{ms:.0f} ms" if ms else "0" for ms in ticks]
        named = zip(ticks, names, strict=True)
        below = "".join(
            _tick(self.x(ms), FLOOR + 20, name, "end" if ms == self.most_ms else "middle")
            for ms, name in named
        )
        return (
            f'<path d="M{LEFT:g} {FLOOR:g}H{RIGHT:g}" class="grid-line"/>'
            f'<path d="M{LEFT:g} {zero:g}H{RIGHT:g}" class="zero"/>'
            + _tick(LEFT - 8, zero + 4, "0 %", "end")
            + _tick(LEFT - 8, FLOOR, f"{self.bottom:.1%}".replace("-", "−").replace("%", " %"), "end")
            + below
            + _tick(RIGHT, HEIGHT - 8, "delay that reached users", "end")
        )


def _band(shape: Mapping[str, Any], frame: _Frame) -> str:
    above = [
        f"{frame.x(ms):g} {frame.y(high):g}" for ms, high in _pairs(shape["delivered_ms"], shape["upper"])
    ]
    below = [f"{frame.x(ms):g} {frame.y(low):g}" for ms, low in _pairs(shape["delivered_ms"], shape["lower"])]
    return f'<path d="M{"L".join(above + below[::-1])}Z" class="band"/>'


def _line(pairs: Sequence[Sequence[float]], frame: _Frame) -> str:
    path = "L".join(f"{frame.x(ms):g} {frame.y(change):g}" for ms, change in pairs)
    return f'<path d="M{path}" class="line"/>'


def _knee(knee: Mapping[str, Any] | None, frame: _Frame) -> str:
    if not knee or "knee_ms" not in knee:
        return ""
    x = frame.x(knee["knee_ms"])
    text = f"knee at {knee['knee_ms']:.0f} ms"
    return f'<path d="M{x:g} {TOP:g}V{FLOOR:g}" class="mark"/>' + _tick(x + 6, TOP + 10, text, "start")


def _point(point: Point, frame: _Frame) -> str:
    x, change = frame.x(point["delivered_ms"]), point["change"]
    detail = f"+{point['delivered_ms']:.0f} ms: {change:+.2%} ({point['low']:+.2%} to {point['high']:+.2%})"
    ends = f"M{x:g} {frame.y(point['low']):g}V{frame.y(point['high']):g}"
    said, y = escape(detail, quote=True), frame.y(change)
    return (
        f'<g tabindex="0" role="img" aria-label="{said}"><title>{said}</title>'
        f'<path d="{ends}" class="outline"/><circle cx="{x:g}" cy="{y:g}" r="4.5" class="point"/></g>'
    )


def _words(points: Sequence[Point], knee: Mapping[str, Any] | None) -> str:
    told = "; ".join(f"{point['delivered_ms']:.0f} ms: {point['change']:+.2%}" for point in points)
    where = f"; knee at {knee['knee_ms']:.0f} ms" if knee and "knee_ms" in knee else ""
    return f"Change of the outcome by added delay: {told}{where}"


def _pairs(first: Sequence[float], second: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(first, second, strict=True))


def _tick(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="tick">{escape(text)}</text>'
