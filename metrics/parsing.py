"""Reading metric definitions from TOML text, refusing what cannot be meant with file, line, field and fix.

All problems of all texts are reported together. Nothing here touches the database or decides about versions.
"""

import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ledger.refusals import Problem, Refused, problem, raise_if_any
from metrics.definitions import Amount, Cap, Direction, Kind, Margin, Measure, MetricDefinition, Source, Tier
from metrics.lines import line_numbers
from metrics.reading import Fields, Findings

MAX_CHARACTERS = 10_000
MAX_DEPTH = 10
BYTE_ORDER_MARK = "\ufeff"
MAX_WINDOW_DAYS = 90
DEFINITION_FIELDS = (
    "key",
    "title",
    "question",
    "kind",
    "unit",
    "direction",
    "owner",
    "backup_owner",
    "tier",
    "hypothesis",
    "runbook",
    "dimensions",
    "quantile",
    "source",
    "denominator",
    "cap",
    "window",
    "covariate",
    "margin",
    "gain",
)
COUNTING = {Kind.COUNT, Kind.PROPORTION}
_LOOKS_LIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u03bf\u03b1\u03bd\u03c1\u03c5\u03b9\u03ba\u03c4\u0432\u043a\u043c\u043d\u0442",
    "aeopcyxijshdqwoavpuiktbkmht",
)
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def parse(text: str, *, file: str | None = None) -> MetricDefinition:
    """The definition that the text holds. Raises Refused with every problem found."""
    table = toml_table(text, file)
    findings = Findings(file=file, lines=line_numbers(text))
    definition = _definition(Fields(table, DEFINITION_FIELDS, findings))
    findings.raise_if_any()
    return definition


def parse_all(texts: Mapping[str, str]) -> dict[str, MetricDefinition]:
    """File name → definition for every text, or Refused with the problems of all of them."""
    parsed: dict[str, MetricDefinition] = {}
    problems: list[Problem] = []
    for file, text in texts.items():
        try:
            parsed[file] = parse(text, file=file)
        except Refused as refused:
            problems += refused.problems
    raise_if_any([*problems, *_doubled(parsed)])
    return parsed


def decode(raw: bytes, *, file: str) -> str:
    """The text of a file; refuses anything but UTF-8, naming line and byte."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = raw.count(b"\n", 0, wrong.start) + 1
        byte = wrong.start - raw.rfind(b"\n", 0, wrong.start)
        reason = f"byte {byte} of this line is not UTF-8"
        shown = Problem("file", f"0x{raw[wrong.start]:02x}", reason, "Save the file as UTF-8.", line, file)
        raise Refused(shown) from None


def folded(title: str) -> str:
    """Titles that differ only in case or spacing, or look the same to a reader, are the same title.

    Letters of Greek and Cyrillic that look like Latin ones count as these, wide and narrow forms as one.
    """
    plain = unicodedata.normalize("NFKC", title).casefold()
    return " ".join(plain.translate(_LOOKS_LIKE).split())


def toml_table(text: str, file: str | None) -> dict[str, Any]:
    if not text.strip():
        raise Refused(Problem("file", "(empty)", "this holds no definition", "Start with key = …", 1, file))
    if len(text) > MAX_CHARACTERS:
        reason = f"this has {len(text):,} characters, at most {MAX_CHARACTERS:,} are possible"
        raise Refused(Problem("file", "(long text)", reason, "One file holds one metric.", 1, file))
    try:
        table = tomllib.loads(text.removeprefix(BYTE_ORDER_MARK))
    except RecursionError:
        raise Refused(Problem("file", "[[[…", "this is nested too deeply", "", 1, file)) from None
    except tomllib.TOMLDecodeError as wrong:
        raise Refused(_not_toml(text, str(wrong), file)) from None
    except ValueError:
        raise Refused(Problem("file", "999…", "a number has thousands of digits", "", 1, file)) from None
    if _is_deep(table):
        raise Refused(Problem("file", "a.b.c…", "this is nested too deeply", "", 1, file))
    return table


def _is_deep(table: dict[str, Any]) -> bool:
    """Does the table nest deeper than any definition has to? Level by level, as deep ones break recursion."""
    level: list[object] = [table]
    for _ in range(MAX_DEPTH):
        inner = [list(each.values()) if isinstance(each, dict) else each for each in level]
        level = [value for each in inner if isinstance(each, list) for value in each]
    return bool(level)


def _not_toml(text: str, message: str, file: str | None) -> Problem:
    """A problem from tomllib's message, which ends in `(at line 3, column 5)` or `(at end of document)`."""
    lines = text.rstrip("\n").split("\n")
    place = _AT_LINE.search(message)
    number = min(int(place[1]), len(lines)) if place else len(lines)
    line = lines[number - 1]
    field = re.split(r"[=\]]", line.strip().lstrip("["))[0].strip() or "file"
    if "overwrite" in message or "twice" in message:
        reason, fix = "this is written twice", "Keep one of the two."
    else:
        reason = f"this is not TOML: {_AT_LINE.sub('', message).replace('(at end of document)', '').strip()}"
        fix = 'Text stands in quotes, for example unit = "ms".'
    return Problem(field, repr(line.strip()[:120]), reason, fix, number, file)


def _doubled(parsed: Mapping[str, MetricDefinition]) -> list[Problem]:
    """Keys and titles that two files claim."""
    keys = Counter(definition.key for definition in parsed.values())
    titles = Counter(folded(definition.title) for definition in parsed.values())
    doubled_keys = [
        problem("key", definition.key, f"{file} and another file define this key", "Rename one of them.")
        for file, definition in parsed.items()
        if keys[definition.key] > 1
    ]
    doubled_titles = [
        problem("title", definition.title, f"{file} and another file have this title", "Change one of them.")
        for file, definition in parsed.items()
        if titles[folded(definition.title)] > 1 and keys[definition.key] == 1
    ]
    return doubled_keys + doubled_titles


def _definition(fields: Fields) -> MetricDefinition:
    kind = _kind(fields)
    definition = MetricDefinition(
        key=fields.slug("key"),
        title=fields.text("title", fix='Write the name people read, for example "Checkout time, p95".'),
        question=fields.text("question", fix="Write the question this metric answers.", limit=500),
        kind=kind or Kind.MEAN,
        unit=fields.text("unit", fix='Write the unit of the value, for example unit = "ms".', limit=24),
        direction=fields.choice("direction", Direction, fix="It says which way is better."),
        owner=fields.text("owner", fix="Name the person who answers for this metric."),
        backup_owner=fields.text("backup_owner", fix="Name a second person.", default=""),
        tier=fields.choice("tier", Tier, fix="New metrics start as alpha.", default=Tier.ALPHA),
        hypothesis=fields.text("hypothesis", fix="Write what moves it and what refutes that.", limit=2000),
        runbook=_runbook(fields),
        dimensions=fields.names("dimensions", fix='Write dimensions = ["country", "device"].'),
        quantile=_quantile(fields, kind),
        source=_source(fields, "source", kind) or Source("", Measure.COUNT),
        denominator=_denominator(fields, kind),
        cap=_cap(fields, kind),
        window_hours=_window_hours(fields),
        covariate_days=_covariate_days(fields, kind),
        margin=_margin(fields),
        gain=read_amount(fields, "gain", unit=str(fields.values.get("unit", "the unit"))),
    )
    _judge(fields, definition)
    return definition


def _kind(fields: Fields) -> Kind | None:
    """The kind, or None after a problem with it: then no rule that depends on the kind is applied."""
    kind = fields.choice("kind", Kind, fix="It says how a unit's events become a number.")
    return kind if fields.values.get("kind") == kind else None


def _judge(fields: Fields, definition: MetricDefinition) -> None:
    """Rules that need more than one field."""
    for name, size in (("margin", definition.margin), ("gain", definition.gain)):
        if name in fields and definition.direction is Direction.NONE:
            fields.refuse(name, "a metric without a better direction can neither lose nor gain", "Remove it.")
        elif size and not size.relative and definition.kind is Kind.PROPORTION and size.value >= 1:
            why = f"a share lies from 0 to 1, so it cannot move by {size.value:g}"
            fields.refuse(name, why, "Write 0.02 for 2 points.")
    if definition.denominator == definition.source:
        fields.refuse("denominator", "this is the source itself, so the ratio is always 1", "Choose another.")
    if definition.tier is Tier.FINAL:
        for name in ("backup_owner", "runbook"):
            if name not in fields:
                fields.refuse_missing(name, "A final metric needs a backup owner and a runbook.")
    if definition.owner and definition.owner == definition.backup_owner:
        fields.refuse("backup_owner", "this is the owner", "Name a second person.")


def _runbook(fields: Fields) -> str:
    fix = "Write the web address of the page that says what to do when the metric moves."
    address = fields.text("runbook", fix=fix, default="", limit=500)
    if address and not address.startswith(("https://", "http://")):
        fields.refuse("runbook", "this is not a web address", fix)
    return address


def _source(fields: Fields, name: str, kind: Kind | None) -> Source | None:
    fix = f'Write {name} = {{ event = "checkout-finished" }}.'
    table = fields.table(name, ("event", "value", "where"), fix=fix)
    if table is None:
        if name not in fields:
            fields.refuse_missing(name, fix)
        return None
    default = Measure.COUNT if kind in COUNTING else Measure.VALUE
    value = table.choice("value", Measure, fix="It says what is taken from each event.", default=default)
    if kind not in {Kind.RATIO, None} and value is not default:
        fix = 'Leave it out, or choose another kind: "count" counts events, "mean" adds up their values.'
        table.refuse("value", f'a metric of kind "{kind}" always takes the {default}', fix)
    where = table.pairs("where", fix='Dims are text: where = { page = "checkout" }.')
    return Source(table.text("event", fix="Name the event.", limit=100), value, where)


def _denominator(fields: Fields, kind: Kind | None) -> Source | None:
    if kind is Kind.RATIO:
        return _source(fields, "denominator", kind)
    if "denominator" in fields and kind is not None:
        fields.refuse("denominator", f'a metric of kind "{kind}" has none', "Remove it, or make it a ratio.")
    return None


def _quantile(fields: Fields, kind: Kind | None) -> float | None:
    if kind is not Kind.QUANTILE:
        if "quantile" in fields and kind is not None:
            fields.refuse("quantile", f'a metric of kind "{kind}" has none', 'Use kind = "quantile".')
        return None
    fix = "Write a share from 0.5 to 0.99, for example quantile = 0.95 for p95."
    value = fields.number("quantile", fix=fix)
    if not math.isnan(value) and not 0.5 <= value <= 0.99:
        fields.refuse("quantile", "this is not a share from 0.5 to 0.99", fix)
    return value


def _cap(fields: Fields, kind: Kind | None) -> Cap | None:
    fix = "Write cap = { percentile = 99 } or cap = { absolute = 10000 }, both with an optional floor."
    table = fields.table("cap", ("percentile", "absolute", "floor"), fix=fix)
    if table is None:
        return None
    if kind in {Kind.PROPORTION, Kind.QUANTILE}:
        fields.refuse("cap", f'a metric of kind "{kind}" cannot be moved far by one value', "Remove the cap.")
    if ("percentile" in table) == ("absolute" in table):
        fields.refuse("cap", "a cap has either a percentile or an absolute limit", fix)
        return None
    cap = Cap(_percentile(table), _limit(table, "absolute"), _limit(table, "floor"))
    if kind is Kind.COUNT and cap.absolute is not None and cap.absolute <= 0:
        table.refuse("absolute", "no number of events is left below this limit", fix)
    if cap.absolute is not None and cap.floor is not None and cap.floor >= cap.absolute:
        table.refuse("floor", f"the floor is not below the limit {cap.absolute:g}", "Swap the two.")
    return cap


def _percentile(table: Fields) -> float | None:
    if "percentile" not in table:
        return None
    fix = "Write a number from 50 to below 100, for example percentile = 99 for p99."
    value = table.number("percentile", fix=fix)
    if not math.isnan(value) and not 50 <= value < 100:
        table.refuse("percentile", "this is not a percentile from 50 to below 100", fix)
    return value


def _limit(table: Fields, name: str) -> float | None:
    if name not in table:
        return None
    return table.number(name, fix="Write a number in the metric's unit.")


def _window_hours(fields: Fields) -> int | None:
    fix = "Write window = { days = 7 } or window = { hours = 12 }."
    table = fields.table("window", ("days", "hours"), fix=fix)
    if table is None:
        return None
    if ("days" in table) == ("hours" in table):
        fields.refuse("window", "a window has either days or hours", fix)
    days = table.whole("days", low=1, high=MAX_WINDOW_DAYS, fix=fix)
    hours = table.whole("hours", low=1, high=24 * MAX_WINDOW_DAYS, fix=fix)
    return hours if days is None else 24 * days


def _covariate_days(fields: Fields, kind: Kind | None) -> int | None:
    fix = "Write covariate = { days = 14 }."
    table = fields.table("covariate", ("days",), fix=fix)
    if table is None:
        return None
    if kind is Kind.QUANTILE:
        fields.refuse("covariate", "a quantile is not adjusted by a covariate", "Remove it.")
    if "days" not in table:
        table.refuse_missing("days", fix)
    return table.whole("days", low=1, high=MAX_WINDOW_DAYS, fix=fix)


def _margin(fields: Fields) -> Margin | None:
    amount = read_amount(fields, "margin", unit=str(fields.values.get("unit", "the unit")))
    return None if amount is None else Margin(amount.value, amount.relative)


def read_amount(fields: Fields, name: str, *, unit: str) -> Amount | None:
    """A size above zero that says whether it is a share of the control's value or in the metric's unit."""
    fix = (
        f"Write {name} = {{ value = 0.02, relative = true }} for 2 % of the control's value, "
        f"or {{ value = 30, relative = false }} for 30 {unit}."
    )
    if name in fields and fields.values[name] is not None and not isinstance(fields.values[name], Mapping):
        fields.refuse(name, "this does not say whether it is relative or absolute", fix)
        return None
    table = fields.table(name, ("value", "relative"), fix=fix)
    if table is None:
        return None
    value = table.number("value", fix=fix)
    relative = table.boolean("relative", fix=fix)
    if value <= 0:
        table.refuse("value", "a size is above zero; the direction says which way", fix)
    elif relative and value > 1:
        table.refuse("value", "a relative size is a share, and this is more than 100 %", fix)
    return Amount(value, relative)
