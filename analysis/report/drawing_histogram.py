"""The distribution of both arms laid over each other, as SVG text. Made from the stored document alone.

The treatment is a filled shape, the control a dashed outline: readable without colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560.0, 220.0, 84.0, 24.0, 26.0, 32.0


def histogram(content: Mapping[str, Any]) -> str:
    """The picture of one metric and arm."""
    bins = content["bins"]
    label = escape(f"Distribution of {content['title']}: {content['text']}", quote=True)
    parts = [
        _frame(content),
        f'<path d="{_steps(content, "treatment_share", is_closed=True)}" class="band"/>',
        f'<path d="{_steps(content, "treatment_share")}" class="line"/>',
        f'<path d="{_steps(content, "control_share")}" class="other"/>',
        *(_tick(content, tick) for tick in content["ticks"]),
        *(_hover(content, at, each) for at, each in enumerate(bins)),
        _legend(content),
    ]
    return (
        f'<svg class="curve histogram" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )


def _x(content: Mapping[str, Any], at: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * at / max(len(content["bins"]), 1), 1)


def _y(content: Mapping[str, Any], share: float) -> float:
    top = content["top"] or 1.0
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share / top, 1)


def _steps(content: Mapping[str, Any], name: str, *, is_closed: bool = False) -> str:
    """The outline: up at a bin's lower edge, level to its upper edge."""
    bins: Sequence[Mapping[str, Any]] = content["bins"]
    path = [f"M{_x(content, 0):g} {_y(content, 0):g}"]
    for at, each in enumerate(bins):
        path.append(f"V{_y(content, each[name]):g}H{_x(content, at + 1):g}")
    path.append(f"V{_y(content, 0):g}" + ("Z" if is_closed else ""))
    return "".join(path)


def _frame(content: Mapping[str, Any]) -> str:
    floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    top = escape(content["top_text"])
    return (
        f'<path d="M{LEFT:g} {TOP:g}H{right:g}" class="grid-line"/>'
        f'<path d="M{LEFT:g} {floor:g}H{right:g}" class="zero"/>'
        f'<text x="{LEFT - 8:g}" y="{TOP + 4:g}" text-anchor="end" class="tick">{top}</text>'
        f'<text x="{LEFT - 8:g}" y="{floor + 4:g}" text-anchor="end" class="tick">0</text>'
    )


def _tick(content: Mapping[str, Any], tick: Mapping[str, Any]) -> str:
    x, text = _x(content, tick["at"]), escape(tick["text"])
    return (
        f'<path d="M{x:g} {HEIGHT - BOTTOM:g}v5" class="zero"/>'
        f'<text x="{x:g}" y="{HEIGHT - 10:g}" text-anchor="middle" class="tick">{text}</text>'
    )


def _hover(content: Mapping[str, Any], at: int, each: Mapping[str, Any]) -> str:
    left, right = _x(content, at), _x(content, at + 1)
    said = escape(
        f"{each['label']}: control {each['control_share_text']}, "
        f"{content['arm']} {each['treatment_share_text']}"
    )
    return (
        f'<g><title>{said}</title><rect x="{left:g}" y="{TOP:g}" width="{right - left:g}" '
        f'height="{HEIGHT - TOP - BOTTOM:g}" fill-opacity="0"/></g>'
    )


def _legend(content: Mapping[str, Any]) -> str:
    arm, y = escape(content["arm"]), 12.0
    return (
        f'<path d="M{LEFT:g} {y - 4:g}h22" class="other"/>'
        f'<text x="{LEFT + 28:g}" y="{y:g}" class="tick">control</text>'
        f'<path d="M{LEFT + 130:g} {y - 4:g}h22" class="line"/>'
        f'<text x="{LEFT + 158:g}" y="{y:g}" class="tick">{arm}</text>'
    )
