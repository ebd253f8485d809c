"""What a person types after --metric, read into a binding of a metric to the file's columns. Pure.

`revenue:mean`, `bought:proportion`, `visits:count`, `latency:p95:down:5%`, `errors/requests:ratio:down`.
A limit (in the metric's unit, or in per cent of the control) makes the metric a guardrail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from experiments.plan import Binding, Role
from ledger.refusals import Problem, problem, raise_if_any
from metrics.definitions import Direction, Kind, Margin, Measure, MetricDefinition, Source, Tier

QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
KINDS = ("mean", "count", "proportion", "ratio", "p50 to p99")
FIX = f"Write column:kind[:up|down][:limit]; kinds are {', '.join(KINDS)}."


@dataclass(frozen=True, slots=True)
class Wanted:
    """One metric: its columns, and how it is bound. The first success metric is the primary one."""

    value: str
    denominator: str
    binding: Binding

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.value, self.denominator) if self.denominator else (self.value,)


def read(texts: Iterable[str]) -> tuple[Wanted, ...]:
    """Every metric in the order it was written. Raises Refused with every problem."""
    found: list[Wanted] = []
    problems: list[Problem] = []
    for text in texts:
        read_one = _read(text, has_primary=any(each.binding.role is Role.PRIMARY for each in found))
        if isinstance(read_one, Problem):
            problems.append(read_one)
        elif read_one.binding.metric in {each.binding.metric for each in found}:
            problems.append(problem("metric", text, "this metric stands here twice", "Name it once."))
        else:
            found.append(read_one)
    if not found and not problems:
        problems.append(problem("metric", "", "nothing is to be compared", FIX))
    raise_if_any(problems)
    return tuple(found)


def event_of(column: str) -> str:
    """The name under which a column's values are read."""
    return f"column {column}"


def _read(text: str, *, has_primary: bool) -> Wanted | Problem:
    column, kind_text, *rest = [*text.split(":"), ""]
    kind, quantile = _kind(kind_text)
    if not column or kind is None:
        return problem("metric", text, "this is no metric", FIX)
    value, _, denominator = column.partition("/") if kind is Kind.RATIO else (column, "", "")
    if kind is Kind.RATIO and not (value and denominator):
        return problem("metric", text, "a ratio has two columns", "Write errors/requests:ratio.")
    options = _options(rest)
    if isinstance(options, str):
        return problem("metric", text, options, FIX)
    direction, margin = options
    role = Role.GUARDRAIL if margin else Role.SUCCESS if has_primary else Role.PRIMARY
    definition = _definition(f"{column}:{kind_text}", kind, quantile, value, denominator, direction)
    return Wanted(value, denominator, _binding(definition, role, margin))


def _kind(text: str) -> tuple[Kind | None, float | None]:
    quantile = QUANTILE.fullmatch(text)
    if quantile:
        share = float(quantile.group(1)) / 100
        return (Kind.QUANTILE, share) if 0.01 <= share <= 0.999 else (None, None)
    known = {kind.value: kind for kind in Kind if kind is not Kind.QUANTILE}
    return known.get(text), None


def _options(texts: list[str]) -> tuple[Direction, Margin | None] | str:
    direction, margin = Direction.UP, None
    for text in filter(None, texts):
        if text in ("up", "down"):
            direction = Direction(text)
            continue
        number = text.removesuffix("%")
        try:
            size = float(number) / (100 if text.endswith("%") else 1)
        except ValueError:
            return f"{text!r} is neither a direction nor a limit"
        if not 0 < size < float("inf") or (text.endswith("%") and size >= 1):
            return f"{text!r} is no limit: it lies above 0, and below 100 %"
        margin = Margin(size, relative=text.endswith("%"))
    return direction, margin


def _definition(
    key: str, kind: Kind, quantile: float | None, value: str, denominator: str, direction: Direction
) -> MetricDefinition:
    measure = Measure.COUNT if kind in (Kind.COUNT, Kind.PROPORTION) else Measure.VALUE
    return MetricDefinition(
        key=key,
        title=key.replace(":", " "),
        question="-",
        kind=kind,
        unit="share" if kind is Kind.PROPORTION else "units",
        direction=direction,
        owner="-",
        hypothesis="-",
        source=Source(event_of(value), measure),
        denominator=Source(event_of(denominator), Measure.VALUE) if denominator else None,
        quantile=quantile,
        tier=Tier.BETA,
    )


def _binding(definition: MetricDefinition, role: Role, margin: Margin | None) -> Binding:
    return Binding(
        metric=definition.key,
        metric_version=1,
        metric_version_id=0,
        definition=definition,
        role=role,
        blocking=role is Role.GUARDRAIL,
        margin=margin,
    )
