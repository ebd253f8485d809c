"""Unleash's strategies and constraints: who is meant, and how large a part of them is covered."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from flags.importers.reading import (
    UNIT,
    WHOLE_PPM,
    Condition,
    Notes,
    Unmapped,
    all_of,
    as_list,
    as_mapping,
    as_number,
    as_text,
    known_fields,
    never,
    plain,
    ppm,
    shown,
    test,
)

STRATEGY = frozenset(
    ("id", "name", "featureName", "title", "parameters", "constraints", "segments", "disabled",
     "variants", "sortOrder", "environment", "projectId", "createdAt", "milestoneId")
)  # fmt: skip
CONSTRAINT = frozenset(("contextName", "operator", "values", "value", "inverted", "caseInsensitive"))
TEXTS = {"STR_STARTS_WITH": "starts_with", "STR_ENDS_WITH": "ends_with", "STR_CONTAINS": "contains"}
NUMBERS = {"NUM_EQ": "equals", "NUM_GT": "gt", "NUM_GTE": "gte", "NUM_LT": "lt", "NUM_LTE": "lte"}
TIMES = {"DATE_AFTER": "after", "DATE_BEFORE": "before"}
VERSIONS = {
    "SEMVER_EQ": "semver_eq",
    "SEMVER_GT": "semver_gt",
    "SEMVER_GTE": "semver_gte",
    "SEMVER_LT": "semver_lt",
    "SEMVER_LTE": "semver_lte",
}
ATTRIBUTES = {"userId": UNIT}
SERVER_SIDE = frozenset(("currentTime", "environment", "appName"))


class Strategy(NamedTuple):
    """Who is meant, how many of them are covered, by which attribute ("" for the unit), and the variants."""

    when: Condition | None
    covered_ppm: int
    unit_from: str = ""
    variants: Sequence[Any] = ()


def strategy(entry: Mapping[str, Any], notes: Notes) -> Strategy:
    """One strategy without its segments. Raises Unmapped."""
    known_fields(entry, STRATEGY, "a strategy")
    name = as_text(entry.get("name"), "the name of a strategy")
    parameters = as_mapping(entry.get("parameters") or {}, "parameters")
    when = constraints(as_list(entry.get("constraints") or [], "constraints"), notes)
    variants = as_list(entry.get("variants") or [], "variants")
    found = _by_name(name, parameters, notes)
    return found._replace(when=all_of((found.when, when)), variants=variants)


def _by_name(name: str, parameters: Mapping[str, Any], notes: Notes) -> Strategy:
    if name == "default":
        return Strategy(None, WHOLE_PPM)
    if name == "userWithId":
        return Strategy(_one_of(UNIT, "in", parameters.get("userIds")), WHOLE_PPM)
    if name == "remoteAddress":
        notes.add("remoteAddress has to be sent as an attribute")
        return Strategy(_one_of("remoteAddress", "in_network", parameters.get("IPs")), WHOLE_PPM)
    if name == "gradualRolloutUserId":
        return Strategy(None, _share(parameters.get("percentage")))
    if name == "gradualRolloutSessionId":
        return Strategy(None, _share(parameters.get("percentage")), "sessionId")
    if name == "flexibleRollout":
        return _flexible(parameters, notes)
    raise Unmapped(f"its strategy {name} is not known here: say with conditions who is meant")


def _flexible(parameters: Mapping[str, Any], notes: Notes) -> Strategy:
    covered = _share(parameters.get("rollout", "100"))
    stickiness = parameters.get("stickiness") or "default"
    if covered == WHOLE_PPM:
        return Strategy(
            None, covered, _stuck_to(stickiness) if stickiness not in ("default", "random") else ""
        )
    if stickiness == "random":
        raise Unmapped("its rollout is random at every call; here a unit keeps what it got")
    if stickiness == "default":
        notes.add("its rollout took the user, else the session; here it takes the unit only")
        return Strategy(None, covered)
    return Strategy(None, covered, _stuck_to(stickiness))


def _stuck_to(name: Any) -> str:
    attribute = as_text(name, "stickiness")
    return "" if ATTRIBUTES.get(attribute) == UNIT else attribute


def _share(value: Any) -> int:
    return ppm(as_number(value, "the percentage of a rollout") / Decimal(100))


def _one_of(attribute: str, op: str, listed: Any) -> Condition:
    if not isinstance(listed, str):
        raise Unmapped(f"its list for {attribute} is no text")
    values = [each.strip() for each in listed.split(",") if each.strip()]
    return test(attribute, op, values) if values else never()


def constraints(listed: Sequence[Any], notes: Notes) -> Condition | None:
    """All constraints together; None for everybody. Raises Unmapped."""
    return all_of([_constraint(as_mapping(each, "a constraint"), notes) for each in listed])


def _constraint(entry: Mapping[str, Any], notes: Notes) -> Condition:
    known_fields(entry, CONSTRAINT, "a constraint")
    name = as_text(entry.get("contextName"), "the field of a constraint")
    if name in SERVER_SIDE:
        raise Unmapped(f"it looks at {name}: use a scheduled change, a ramp, or another environment")
    attribute = ATTRIBUTES.get(name, name)
    found = _test(attribute, entry, notes)
    return {"not": found} if entry.get("inverted") else found


def _test(attribute: str, entry: Mapping[str, Any], notes: Notes) -> Condition:
    op = as_text(entry.get("operator"), "the operator of a constraint")
    if op in ("IN", "NOT_IN"):
        values = _values(entry)
        found = test(attribute, "in", values) if values else never()
        return found if op == "IN" else {"not": found}
    if op in TEXTS:
        if entry.get("caseInsensitive"):
            raise Unmapped(f"{op} looks at {attribute} whatever its case; here case counts")
        values = _values(entry)
        return test(attribute, TEXTS[op], values) if values else never()
    if op in NUMBERS:
        notes.add(f"{attribute} has to be sent as a number")
        return test(attribute, NUMBERS[op], plain(as_number(entry.get("value"), f"the value of {op}")))
    if op in TIMES or op in VERSIONS:
        return test(attribute, {**TIMES, **VERSIONS}[op], as_text(entry.get("value"), f"the value of {op}"))
    raise Unmapped(f"the operator {shown(op)} is not known here")


def _values(entry: Mapping[str, Any]) -> list[str]:
    return [as_text(each, "a value") for each in as_list(entry.get("values") or [], "values")]
