"""The operators of conditions: which values they take, and what they decide about an attribute.

Every test is total: an attribute that is absent, null or of another type than the operator expects does not
match, and nothing raises. `$name` parts of an inline text are filled in by the generator.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Optional, Union

from headway.evaluation import instants, networks, versions
from headway.evaluation.patterns import PatternRefused, pattern
from headway.evaluation.problems import FINE, Problems, problem

Test = Callable[[object], bool]
Inline = tuple[str, Mapping[str, object]]
"""A fast expression over the attribute `{a}` with constants by name, equal to the test for exact types."""

MAX_LIST = 10_000
MAX_LIST_TEXT = 1_000_000
MAX_TEXT = 1_000
MAX_NUMBER = 2**53
MAX_REMEMBERED = 256
_MAX_VERDICTS = 128
_NUMBERS = "{a}.__class__ is int or {a}.__class__ is float"


class Operator(NamedTuple):
    """`check` finds problems with a condition's value, `build` makes its test, `inline` its fast form."""

    check: Callable[[object], Problems]
    build: Callable[[Any], Test]
    inline: Callable[[Any], Optional[Inline]] = lambda value: None


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_scalar(value: object) -> bool:
    """Texts, truth values and numbers; NaN is none."""
    return isinstance(value, (str, bool)) or (isinstance(value, (int, float)) and value == value)


# What a condition may hold


def _scalar(value: object) -> Problems:
    if value.__class__ is str:
        return FINE if len(value) <= MAX_TEXT else _too_long(value)
    if value.__class__ is bool:
        return FINE
    if value.__class__ is int or value.__class__ is float:
        return _number(value)
    return problem("value", value, "this has to be a text, a number, true or false")


def _too_long(value: str) -> Problems:
    return problem("value", value, f"it has {len(value)} characters; {MAX_TEXT} are possible")


def _number(value: object) -> Problems:
    if not is_number(value):
        return problem("value", value, "this has to be a number", "Send it without quotes.")
    if not -MAX_NUMBER <= value <= MAX_NUMBER:  # type: ignore[operator]
        return problem("value", value, "numbers go from -2^53 to 2^53", "Compare in a larger unit.")
    return FINE


def _list(value: object) -> Problems:
    if value.__class__ is not list or not 1 <= len(value) <= MAX_LIST:
        return problem("value", value, f"this has to be a list of 1 to {MAX_LIST:,} values")
    try:
        size = len("".join(value))
    except TypeError:  # not texts only: one by one
        return next((found for each in value if (found := _scalar(each))), FINE)
    fits = size <= MAX_LIST_TEXT
    return FINE if fits else problem("value", size, f"{MAX_LIST_TEXT:,} characters in all are possible")


def _texts(value: object) -> Problems:
    values: Sequence[object] = value if isinstance(value, list) else [value]
    if not 1 <= len(values) <= MAX_LIST:
        return problem("value", value, f"this has to be a text or a list of 1 to {MAX_LIST:,} texts")
    for each in values:
        if not isinstance(each, str) or not each:
            return problem("value", each, "this has to be a text that is not empty")
        if len(each) > MAX_TEXT:
            return _too_long(each)
    return FINE


def _pattern(value: object) -> Problems:
    if not isinstance(value, str) or not value:
        return problem("value", value, "this has to be a pattern that is not empty")
    try:
        pattern(value)
    except PatternRefused as refused:
        return problem(
            "value", value, str(refused), "The reference of the flag format lists what is possible."
        )
    return FINE


def _version(value: object) -> Problems:
    if versions.version_key(value) is None:
        return problem("value", value, "this is no semantic version", "For example 2.10.0 or 3.0.0-beta.1.")
    return FINE


def _instant(value: object) -> Problems:
    if not isinstance(value, str) or instants.milliseconds(value) is None:
        return problem("value", value, "this is no time with a zone", "For example 2026-11-23T10:00:00Z.")
    return FINE


def _networks(value: object) -> Problems:
    found = _texts(value)
    if found:
        return found
    for each in _as_list(value):
        if networks.network_range(each) is None:
            return problem("value", each, "this is no network", "For example 10.0.0.0/8 or 2001:db8::/32.")
    return FINE


def _truth(value: object) -> Problems:
    return FINE if value.__class__ is bool else problem("value", value, "this has to be true or false")


# What it decides


def _equals(value: Union[str, bool, float]) -> Test:
    if isinstance(value, str):
        return lambda found: isinstance(found, str) and found == value
    if isinstance(value, bool):
        return lambda found: found is value
    return lambda found: is_number(found) and found == value


def _in(values: Sequence[Any]) -> Test:
    texts = frozenset(value for value in values if isinstance(value, str))
    truths = frozenset(value for value in values if isinstance(value, bool))
    numbers = frozenset(value for value in values if is_number(value))

    def test(found: object) -> bool:
        if isinstance(found, str):
            return found in texts
        if isinstance(found, bool):
            return found in truths
        return isinstance(found, (int, float)) and found in numbers

    return test


def _not(build: Callable[[Any], Test]) -> Callable[[Any], Test]:
    def build_opposite(value: Any) -> Test:
        test = build(value)
        return lambda found: is_scalar(found) and not test(found)

    return build_opposite


def _starts(value: Any) -> Test:
    starts = tuple(_as_list(value))
    return lambda found: isinstance(found, str) and found.startswith(starts)


def _ends(value: Any) -> Test:
    ends = tuple(_as_list(value))
    return lambda found: isinstance(found, str) and found.endswith(ends)


def _contains(value: Any) -> Test:
    parts = _as_list(value)
    return lambda found: isinstance(found, str) and any(part in found for part in parts)


def _numeric(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    return lambda value: lambda found: is_number(found) and compare(found, value)


def _semver(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def build(value: str) -> Test:
        key = versions.version_key(value)

        def test(found: object) -> bool:
            other = versions.version_key(found)
            return other is not None and compare(other, key)

        return test

    return build


def _temporal(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def build(value: str) -> Test:
        limit = instants.milliseconds(value)

        def test(found: object) -> bool:
            at = instants.milliseconds(found)
            return at is not None and compare(at, limit)

        return test

    return build


def _inside(value: Any) -> Test:
    ranges = (networks.network_range(each) for each in _as_list(value))
    return networks.is_inside([each for each in ranges if each is not None])


def _matches(value: str) -> Test:
    return pattern(value).is_found_in


def _exists(value: bool) -> Test:
    return (lambda found: found is not None) if value else (lambda found: found is None)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# Fast forms


def _equals_inline(value: Any) -> Inline | None:
    return ("{a} == {c}", {"c": value}) if isinstance(value, str) else None


def _in_inline(values: Sequence[Any]) -> Inline | None:
    is_plain = all(isinstance(value, str) for value in values)
    return ("{a} in {c}", {"c": frozenset(values)}) if is_plain else None


def _affix_inline(method: str) -> Callable[[Any], Inline]:
    def inline(value: Any) -> Inline:
        constant = value if isinstance(value, str) else tuple(value)
        return f"({{a}}.{method}({{c}}) if {{a}}.__class__ is str else {{t}}({{a}}))", {"c": constant}

    return inline


def _contains_inline(value: Any) -> Inline | None:
    if not isinstance(value, str):
        return None
    return "({c} in {a} if {a}.__class__ is str else {t}({a}))", {"c": value}


def _numeric_inline(sign: str) -> Callable[[Any], Inline]:
    text = f"({{a}} {sign} {{c}} if {_NUMBERS} else {{t}}({{a}}))"
    return lambda value: (text, {"c": value})


def _remembered_inline(build: Callable[[Any], Test]) -> Callable[[Any], Inline]:
    """For tests that cost more than a look-up: what they said about recent texts is remembered."""
    text = "(k if (k := {k}.get({a})) is not None else {t}({a}))"

    def inline(value: Any) -> Inline:
        verdicts: dict[object, bool] = {}
        return text, {"k": verdicts, "t": _remembering(build(value), verdicts)}

    return inline


def _remembering(test: Test, verdicts: dict[object, bool]) -> Test:
    def remembering(found: object) -> bool:
        verdict = test(found)
        if found.__class__ is str and len(found) <= MAX_REMEMBERED:
            if len(verdicts) >= _MAX_VERDICTS:
                verdicts.clear()
            verdicts[found] = verdict
        return verdict

    return remembering


def _exists_inline(value: bool) -> Inline:
    return ("{a} is not None" if value else "{a} is None"), {}


def _remembered(check: Callable[[object], Problems], build: Callable[[Any], Test]) -> Operator:
    return Operator(check, build, _remembered_inline(build))


OPERATORS: Mapping[str, Operator] = {
    "equals": Operator(_scalar, _equals, _equals_inline),
    "not_equals": Operator(_scalar, _not(_equals)),
    "in": Operator(_list, _in, _in_inline),
    "not_in": Operator(_list, _not(_in)),
    "starts_with": Operator(_texts, _starts, _affix_inline("startswith")),
    "ends_with": Operator(_texts, _ends, _affix_inline("endswith")),
    "contains": Operator(_texts, _contains, _contains_inline),
    "matches": _remembered(_pattern, _matches),
    "gt": Operator(_number, _numeric(operator.gt), _numeric_inline(">")),
    "gte": Operator(_number, _numeric(operator.ge), _numeric_inline(">=")),
    "lt": Operator(_number, _numeric(operator.lt), _numeric_inline("<")),
    "lte": Operator(_number, _numeric(operator.le), _numeric_inline("<=")),
    "semver_eq": _remembered(_version, _semver(operator.eq)),
    "semver_gt": _remembered(_version, _semver(operator.gt)),
    "semver_gte": _remembered(_version, _semver(operator.ge)),
    "semver_lt": _remembered(_version, _semver(operator.lt)),
    "semver_lte": _remembered(_version, _semver(operator.le)),
    "before": _remembered(_instant, _temporal(operator.lt)),
    "after": _remembered(_instant, _temporal(operator.gt)),
    "in_network": _remembered(_networks, _inside),
    "exists": Operator(_truth, _exists, _exists_inline),
}
