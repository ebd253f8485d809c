"""A metric definition in plain words, the same on every page, in mail and in the API."""

from metrics.definitions import Amount, Direction, Kind, Measure, MetricDefinition, Source

BETTER = {Direction.UP: "higher is better", Direction.DOWN: "lower is better", Direction.NONE: "neither way"}


def how(definition: MetricDefinition) -> str:
    """One sentence that says how the number comes about."""
    sentence = _aggregate(definition)
    if definition.window_hours is not None:
        sentence += f", within {_span(definition.window_hours)} after a unit's first exposure"
    return sentence[0].upper() + sentence[1:] + "."


def cap(definition: MetricDefinition) -> str:
    """What happens to extreme units, or nothing when there is no cap."""
    limits = definition.cap
    if limits is None:
        return ""
    upper = (
        f"{limits.absolute:g} {definition.unit}"
        if limits.absolute is not None
        else f"the {limits.percentile:g}th percentile of all arms together"
    )
    floor = "" if limits.floor is None else f", and at least {limits.floor:g} {definition.unit}"
    return f"a unit counts at most {upper}{floor}"


def amount(size: Amount | None, unit: str) -> str:
    """2 % of the control's value, 30 ms, or 2 points of a share."""
    if size is None:
        return ""
    if size.relative:
        return f"{size.value * 100:g} % of the control's value"
    return f"{size.value * 100:g} points" if unit == "share" else f"{size.value:g} {unit}".strip()


def _aggregate(definition: MetricDefinition) -> str:
    events = _events(definition.source)
    match definition.kind:
        case Kind.MEAN:
            return f"average per unit of the summed values of {events}"
        case Kind.COUNT:
            return f"average number per unit of {events}"
        case Kind.PROPORTION:
            return f"share of units with at least one of {events}"
        case Kind.QUANTILE:
            return f"the value that {(definition.quantile or 0) * 100:g} % of all {events} stay below"
        case Kind.RATIO:
            below = definition.denominator or definition.source
            return f"{_total(definition.source)} divided by {_total(below)}"


def _total(source: Source) -> str:
    what = "sum of the values" if source.value is Measure.VALUE else "number"
    return f"the {what} of {_events(source)}"


def _events(source: Source) -> str:
    where = " and ".join(f"{name} = {value}" for name, value in source.where)
    return f'"{source.event}" events' + (f" where {where}" if where else "")


def _span(hours: int) -> str:
    return f"{hours // 24} d" if hours % 24 == 0 else f"{hours} h"
