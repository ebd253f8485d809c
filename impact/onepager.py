"""The page for the budget meeting: a sentence, a curve, a table, assumptions, what would change our mind.

Plain words, two significant digits. Everything comes from the ratio, its findings and the value model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from impact import pricing
from impact.grades import Grade, doubts


@dataclass(frozen=True, slots=True)
class Row:
    """One finding as the table shows it."""

    title: str
    grade: str
    change: str
    between: str
    when: str
    weight: str


def rows(findings: Sequence[Mapping[str, Any]], weights: Mapping[str, float]) -> list[Row]:
    """Findings by weight; those left out stand last, without one."""
    ordered = sorted(findings, key=lambda finding: -weights.get(str(finding["id"]), 0.0))
    return [_row(finding, weights.get(str(finding["id"]))) for finding in ordered]


def assumptions(*, value: pricing.Value, outcome: str, baseline_ms: float | None, source: str) -> list[str]:
    """What the amount rests on beside the studies."""
    whole = pricing.money(value.revenue_minor, value.currency)
    found = [
        f"The product brings in {whole} a year ({source}), give or take {_percent(value.revenue_error)}.",
        f"{_percent(value.surface_share)} of it pass through this surface.",
        f"Revenue moves {_times(value.link)} {outcome}.",
        "The slope is taken as straight between the delays that were tested.",
    ]
    if baseline_ms is not None:
        found.append(f"It holds while the surface takes about {baseline_ms:.0f} ms, give or take a fifth.")
    return found


def minds(
    *,
    grade: Grade,
    per_100_ms: float,
    low: float,
    high: float,
    valid_until: date,
    studies: int,
    disagree: bool,
) -> list[str]:
    """What would change the answer."""
    found = []
    if low <= 0 <= high:
        found.append("The interval holds zero: delay may cost nothing here. A larger study would tell.")
    if grade is Grade.B:
        found.append("No study at random is among the findings: an ablation study outweighs them.")
    if studies == 1:
        found.append("It rests on one study: a second one that disagrees would widen the interval.")
    if disagree:
        found.append("The findings disagree by more than chance: they may have measured different things.")
    found += [f"The slope is unusual. {doubt}" for doubt in doubts(per_100_ms)]
    found.append(f"After {valid_until:%Y-%m-%d} it no longer holds, nor when latency shifts by a fifth.")
    return found


def knee_words(knee: Mapping[str, Any] | None) -> str:
    """What can be said of a knee, in one sentence; empty without a curve."""
    if not knee:
        return ""
    if "knee_ms" not in knee:
        return f"No knee identifiable between {knee['from_ms']:.0f} and {knee['to_ms']:.0f} ms."
    interval = knee["knee_interval"]
    verb = "grows steeper" if knee["steepens"] else "flattens"
    return (
        f"The loss {verb} at about {knee['knee_ms']:.0f} ms of added delay "
        f"({interval['lower']:.0f} to {interval['upper']:.0f})."
    )


def _row(finding: Mapping[str, Any], weight: float | None) -> Row:
    half = 1.645 * finding["standard_error"]
    slope = finding["per_100_ms"]
    return Row(
        title=finding["title"],
        grade=f"{finding['grade']}, {Grade(finding['grade']).words}",
        change=_change(slope),
        between=f"{_change(slope - half)} to {_change(slope + half)}",
        when=f"{finding['began_on']:%Y-%m-%d} to {finding['ended_on']:%Y-%m-%d}",
        weight="left out" if weight is None else _percent(weight),
    )


def _change(share: float) -> str:
    return f"{share * 100:+.2f} %".replace("-", "−")


def _percent(share: float) -> str:
    return f"{share * 100:.2g} %" if share * 100 < 99.5 else "100 %"


def _times(link: float) -> str:
    return "one to one with" if link == 1 else f"{link:.2g} times as much as"
