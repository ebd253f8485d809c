"""What a person types after --metric, read into a binding of a metric to the file's columns. Pure.

`revenue:mean`, `bought:proportion`, `visits:count`, `latency:p95:down:5%`, `errors/requests:ratio:down`,
`revenue:mean:cap=p99`. A limit (in the metric's unit, or in per cent of the control) makes the metric a
guardrail; a cap lowers every unit's value to it, or to that percentile of all units.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.imported import NUMBER
from experiments.plan import Binding, Role
from ledger.refusals import Problem, problem, raise_if_any
from metrics.definitions import Cap, Direction, Kind, Margin, Measure, MetricDefinition, Source, Tier

QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
KINDS = ("mean", "count", "proportion", "ratio", "p50 to p99")
FIX = f"Write column:kind[:up|down][:limit][:cap=p99]; kinds are {', '.join(KINDS)}."
CAPPED = (Kind.MEAN, Kind.COUNT, Kind.RATIO)
WITH_COVARIATE = (Kind.MEAN, Kind.PROPORTION, Kind.RATIO)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One metric: its columns, and how it is bound. The first success metric is the primary one.

    `covariates` are pairs of a column and the column with its values before the experiment.
    """

    value: str
    denominator: str
    binding: Binding
    covariates: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.value, self.denominator) if self.denominator else (self.value,)


def read(texts: Iterable[str], before: Mapping[str, str] | None = None) -> tuple[Wanted, ...]:
    """Every metric in the order it was written; `before` names for a column the one with its values before.

    Raises Refused with every problem.
    """
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
    raise_if_any([*problems, *_wrong_covariates(found, before or {})])
    return tuple(_with_covariates(each, before or {}) for each in found)


def _wrong_covariates(found: Sequence[Wanted], before: Mapping[str, str]) -> Iterator[Problem]:
    """Covariates of no metric, of counts, and of only one half of a ratio."""
    for column in before:
        using = [each for each in found if column in each.columns]
        kinds = [each.binding.definition.kind for each in using]
        if not any(kind in WITH_COVARIATE for kind in kinds):
            why = "no mean, proportion or ratio of this column is compared"
            yield problem(
                "covariate", column, why, "Write revenue=revenue_before for the metric revenue:mean."
            )
        for each in using:
            missing = [name for name in each.columns if name not in before]
            if missing and each.binding.definition.kind is Kind.RATIO:
                why = "a ratio needs the values before of both its columns"
                yield problem("covariate", column, why, f"Name the column for {missing[0]} too.")


def _with_covariates(wanted: Wanted, before: Mapping[str, str]) -> Wanted:
    definition = wanted.binding.definition
    pairs = tuple((column, before[column]) for column in wanted.columns if column in before)
    if not pairs or definition.kind not in WITH_COVARIATE:
        return wanted
    adjusted = replace(definition, covariate_days=1)
    return replace(wanted, covariates=pairs, binding=replace(wanted.binding, definition=adjusted))


def event_of(column: str) -> str:
    """The name under which a column's values are read."""
    return f"column {column}"


def _read(text: str, *, has_primary: bool) -> Wanted | Problem:
    column, kind_text, rest = _parts(text)
    kind, quantile = _kind(kind_text)
    if not column or kind is None:
        return problem("metric", text, "this is no metric", FIX)
    value, _, denominator = column.partition("/") if kind is Kind.RATIO else (column, "", "")
    if kind is Kind.RATIO and not (value and denominator):
        return problem("metric", text, "a ratio has two columns", "Write errors/requests:ratio.")
    options = _options(rest)
    if isinstance(options, str):
        return problem("metric", text, options, FIX)
    direction, margin, cap = options
    if cap and kind not in CAPPED:
        return problem("metric", text, f"a {kind} has no cap", "Caps are for means, counts and ratios.")
    role = Role.GUARDRAIL if margin else Role.SUCCESS if has_primary else Role.PRIMARY
    definition = _definition(f"{column}:{kind_text}", kind, quantile, value, denominator, direction, cap)
    return Wanted(value, denominator, _binding(definition, role, margin))


def _parts(text: str) -> tuple[str, str, list[str]]:
    """The column, which may hold colons itself, the first word that is a kind, and what follows it."""
    words = text.split(":")
    place = next((n for n, word in enumerate(words[1:], start=1) if _kind(word)[0]), len(words))
    return ":".join(words[:place]), words[place] if place < len(words) else "", words[place + 1 :]


def _kind(text: str) -> tuple[Kind | None, float | None]:
    quantile = QUANTILE.fullmatch(text)
    if quantile:
        share = float(quantile.group(1)) / 100
        return (Kind.QUANTILE, share) if 0.01 <= share <= 0.999 else (None, None)
    known = {kind.value: kind for kind in Kind if kind is not Kind.QUANTILE}
    return known.get(text), None


def _options(texts: list[str]) -> tuple[Direction, Margin | None, Cap | None] | str:
    """Direction, limit and cap, each at most once; a text says what is wrong."""
    found: list[Direction | Margin | Cap] = []
    for text in filter(None, texts):
        option = _option(text)
        if isinstance(option, str) and not isinstance(option, Direction):
            return option
        if type(option) in map(type, found):
            return f"{text!r} is one too many: a metric has one direction, one limit and one cap"
        found.append(option)
    direction = next((each for each in found if isinstance(each, Direction)), Direction.UP)
    margin = next((each for each in found if isinstance(each, Margin)), None)
    return direction, margin, next((each for each in found if isinstance(each, Cap)), None)


def _option(text: str) -> Direction | Margin | Cap | str:
    if text in ("up", "down"):
        return Direction(text)
    if not text.startswith("cap="):
        return _margin(text)
    why = f"{text!r} is no cap: write cap=p99, or cap=500 in the metric's unit"
    return _cap(text.removeprefix("cap=")) or why


def _margin(text: str) -> Margin | str:
    size = _number(text.removesuffix("%"))
    if size is None:
        return f"{text!r} is neither a direction nor a limit"
    size = size / 100 if text.endswith("%") else size
    if not 0 < size < float("inf") or (text.endswith("%") and size >= 1):
        return f"{text!r} is no limit: it lies above 0, and below 100 %"
    return Margin(size, relative=text.endswith("%"))


def _cap(text: str) -> Cap | None:
    size = _number(text.removeprefix("p"))
    if size is None or not 0 < size < float("inf"):
        return None
    if not text.startswith("p"):
        return Cap(absolute=size)
    return Cap(percentile=size) if 50 <= size < 100 else None


def _number(text: str) -> float | None:
    """Written as in files: a decimal point, and nothing else that Python would take."""
    return float(text) if NUMBER.fullmatch(text) else None


def _definition(
    key: str,
    kind: Kind,
    quantile: float | None,
    value: str,
    denominator: str,
    direction: Direction,
    cap: Cap | None,
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
        cap=cap,
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
