"""The frame that curves share: a vertical axis around zero with the words for up and down, as SVG text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

LEFT, TOP = 84.0, 24.0


@dataclass(frozen=True, slots=True)
class Frame:
    """The axis runs from -bottom to top in the metric's unit, and from `floor` up to TOP in the picture."""

    top: float
    bottom: float
    right: float
    floor: float

    def height(self, value: float) -> float:
        """Where a value is drawn, held inside the frame."""
        inside = max(-self.bottom, min(self.top, value))
        share = (self.top - inside) / (self.top + self.bottom)
        return round(TOP + share * (self.floor - TOP), 1)

    def holds(self, value: float) -> bool:
        return -self.bottom <= value <= self.top


def axis(content: Mapping[str, Any], frame: Frame) -> str:
    """Edges, zero line and what stands at the left of them."""
    zero = frame.height(0.0)
    return (
        f'<path d="M{LEFT:g} {TOP:g}H{frame.right:g}M{LEFT:g} {frame.floor:g}H{frame.right:g}" '
        f'class="grid-line"/><path d="M{LEFT:g} {zero:g}H{frame.right:g}" class="zero"/>'
        + _tick(TOP + 4, content["top_text"])
        + _tick(TOP + 22, content["up_word"])
        + _tick(zero + 4, "0")
        + _tick(frame.floor - 12, content["down_word"])
        + _tick(frame.floor + 6, content["bottom_text"])
    )


def end(value: float | None, edge: float) -> float:
    """An unbounded end lies on the frame's edge."""
    return edge if value is None else value


def _tick(y: float, text: str) -> str:
    return f'<text x="{LEFT - 8:g}" y="{y:g}" text-anchor="end" class="tick">{escape(text)}</text>'
