"""What the engine must find, worked out row by row in plain Python from the same rows."""

from datetime import timedelta

import numpy as np

from metrics.definitions import Kind, Measure


def enrolled(plan, exposures, events=()):
    """Per enrolled unit (arm, first exposure row), and the counts of those left out. Under a trigger the row
    has the trigger's time."""
    by_unit = {}
    for row in exposures:
        is_ours = row["experiment"] == plan.experiment and row["unit_type"] == plan.unit_type
        is_filtered = all(row["dims"].get(name) == value for name, value in plan.filters)
        if is_ours and is_filtered and plan.since <= row["ts"] < plan.until:
            by_unit.setdefault(row["unit"], []).append(row)
    units, left_out = {}, dict.fromkeys(LEFT_OUT, 0)
    for unit, rows in by_unit.items():
        natural = [row for row in rows if not row["forced"]]
        variants = {row["variant"] for row in natural}
        started = None
        if natural:
            started = entry(plan, min(row["ts"] for row in natural), unit, events)
        if not natural:
            left_out["forced"] += 1
        elif any(row["dims"].get(name) == value for row in rows for name, value in plan.excluded):
            left_out["excluded"] += 1
        elif len(variants) > 1:
            left_out["crossovers"] += 1
        elif not variants <= set(plan.variants):
            left_out["unplanned"] += 1
        elif started is None:
            left_out["untriggered"] += 1
        else:
            arm = plan.arms[plan.variants.index(variants.pop())]
            first = min(natural, key=lambda row: row["ts"])
            units[unit] = (arm, {**first, "ts": started, "levels": levels(natural, first["ts"])})
    return units, left_out


def levels(natural, first_at):
    """By dim, the level at the first exposure: of several rows at that instant the smallest, with "(none)"
    for rows without it."""
    rows = [row["dims"] for row in natural if row["ts"] == first_at]
    names = {name for dims in rows for name in dims}
    return {name: min(dims.get(name, "(none)") for dims in rows) for name in names}


LEFT_OUT = ("crossovers", "unplanned", "forced", "excluded", "untriggered")


def entry(plan, first_at, unit, events):
    """When a unit begins to take part: at its first exposure, or at its first trigger from then on."""
    if plan.trigger is None:
        return first_at
    fired = [
        row["ts"]
        for row in events
        if row["unit"] == unit
        and row["name"] == plan.trigger.event
        and all(row["dims"].get(name) == value for name, value in plan.trigger.where)
        and first_at <= row["ts"] < plan.until
    ]
    return min(fired, default=None)


def events_of(plan, first_at, source, events, *, window_hours=None, before_days=None):
    """The events of one unit that count for a source."""
    if before_days is not None:
        end = plan.began_at or first_at
        start = end - timedelta(days=before_days)
    elif window_hours is not None:
        start, end = first_at, first_at + timedelta(hours=window_hours)
    else:
        start, end = first_at, plan.until
    where = dict(source.where)
    return [
        row
        for row in events
        if row["name"] == source.event
        and start <= row["ts"] < min(end, plan.until)
        and all(row["dims"].get(name) == value for name, value in where.items())
    ]


def is_final(plan, first_at, window_hours):
    """Is the window over at the data cut?"""
    return window_hours is None or first_at + timedelta(hours=window_hours) <= plan.until


def unit_value(kind, source, rows):
    """A unit's number, or None without an event."""
    values = [row["value"] for row in rows if row["value"] is not None]
    if kind is Kind.PROPORTION:
        return 1.0 if rows else None
    if kind is Kind.COUNT or source.value is Measure.COUNT:
        return float(len(rows)) if rows else None
    return sum(values) if values else None


def vectors(plan, definition, exposures, events, *, cap=True):
    """The rows of the metric's vector by unit, and the units that have one: those whose window is over."""
    units, _ = enrolled(plan, exposures, events)
    of_unit = {}
    for row in events:
        of_unit.setdefault(row["unit"], []).append(row)
    spans = [{"window_hours": definition.window_hours}]
    if definition.covariate_days is not None:
        spans.append({"before_days": definition.covariate_days})
    sources = [definition.source] + ([definition.denominator] if definition.denominator else [])
    final = {unit: of for unit, of in units.items() if is_final(plan, of[1]["ts"], definition.window_hours)}
    columns = []
    for span in spans:
        for source in sources:
            column = {
                unit: unit_value(
                    definition.kind,
                    source,
                    events_of(plan, first["ts"], source, of_unit.get(unit, []), **span),
                )
                for unit, (_, first) in (units if "before_days" in span else final).items()
            }
            is_capped = cap and definition.cap is not None and source is definition.source
            columns.append(capped(column, definition.cap) if is_capped else column)
    return {unit: [column[unit] or 0.0 for column in columns] for unit in final}, final


def capped(column, cap):
    upper = cap.absolute
    if cap.percentile is not None:
        present = sorted(value for value in column.values() if value is not None)
        upper = present[int(np.ceil(len(present) * cap.percentile / 100)) - 1] if present else None
    limited = {}
    for unit, value in column.items():
        value = value or 0.0
        value = value if upper is None else min(value, upper)
        limited[unit] = value if cap.floor is None else max(value, cap.floor)
    return limited


def stream_of(plan, definition, exposures, events):
    """(arm, first row, unit, value) of every event of a quantile metric that counts."""
    units, _ = enrolled(plan, exposures, events)
    hours = definition.window_hours
    return [
        (arm, first, unit, row["value"])
        for unit, (arm, first) in units.items()
        if is_final(plan, first["ts"], hours)
        for row in events_of(
            plan,
            first["ts"],
            definition.source,
            [row for row in events if row["unit"] == unit],
            window_hours=hours,
        )
        if row["value"] is not None
    ]


def moments(rows):
    """(n, mean, comoment) of a list of vectors."""
    values = np.array(rows, dtype=np.longdouble)
    centred = values - values.mean(axis=0)
    return len(rows), values.mean(axis=0).astype(float), (centred.T @ centred).astype(float)
