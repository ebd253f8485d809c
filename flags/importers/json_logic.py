"""flagd's targeting (JSONLogic with its additions) as rules and conditions."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from flags.importers.reading import (
    MOST_DEPTH,
    UNIT,
    Condition,
    Notes,
    Unmapped,
    all_of,
    any_of,
    arms,
    as_list,
    as_number,
    as_text,
    never,
    not_,
    plain,
    rule,
    shown,
    split,
    test,
)

FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
NUMERIC = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
SEMVER = {"=": "semver_eq", ">": "semver_gt", ">=": "semver_gte", "<": "semver_lt", "<=": "semver_lte"}
BOOLEAN = frozenset(
    (
        "==",
        "===",
        "!=",
        "!==",
        "<",
        "<=",
        ">",
        ">=",
        "!",
        "!!",
        "and",
        "or",
        "in",
        "starts_with",
        "ends_with",
        "sem_ver",
    )
)
Branch = tuple[Condition | None, Any]


class Targeting:
    """The rules of one flag. `evaluators` are the document's shared parts, by name."""

    def __init__(
        self, variants: Mapping[str, Any], default: str | None, evaluators: Mapping[str, Any]
    ) -> None:
        self._variants = variants
        self._default = default
        self._evaluators = evaluators
        self.notes = Notes()

    def rules(self, targeting: Any) -> list[dict[str, Any]]:
        """The rules in the order in which they are tried. Raises Unmapped."""
        branches = self._branches(targeting, None, 0)
        found = [each for condition, leaf in branches for each in self._rule(condition, leaf)]
        while found and self._says_nothing(found[-1]):
            found.pop()
        return found

    def _says_nothing(self, last: Mapping[str, Any]) -> bool:
        """Whether the last rule gives everybody the default, as no rule would."""
        return "when" not in last and "variant" in last and last["variant"] == self._default

    def _branches(self, expression: Any, above: Condition | None, depth: int) -> list[Branch]:
        """Conditions in order with what each of them gives; the last one takes everybody who is left."""
        if depth > MOST_DEPTH:
            raise Unmapped(f"its targeting is nested more than {MOST_DEPTH} deep")
        name, argument = self._operation(expression, depth)
        if name == "if":
            return self._if(as_list(argument, "if"), above, depth)
        if name in BOOLEAN:
            condition = self.condition(expression, depth + 1)
            return [(all_of((above, condition)), True), (above, False)]
        return [(above, expression)]

    def _if(self, parts: Any, above: Condition | None, depth: int) -> list[Branch]:
        if len(parts) == 1:
            return self._branches(parts[0], above, depth + 1)
        branches: list[Branch] = []
        for at in range(0, len(parts) - 1, 2):
            condition = all_of((above, self.condition(parts[at], depth + 1)))
            branches += self._branches(parts[at + 1], condition, depth + 1)
        rest = parts[-1] if len(parts) % 2 else None
        return branches + self._branches(rest, above, depth + 1)

    def _operation(self, expression: Any, depth: int) -> tuple[str, Any]:
        """The one operation of an object, shared parts looked up; an empty name for plain values."""
        if not isinstance(expression, Mapping) or not expression:
            return "", expression
        if len(expression) != 1:
            raise Unmapped(f"an operation has {len(expression)} names: {shown(sorted(map(str, expression)))}")
        name, argument = next(iter(expression.items()))
        if name == "$ref":
            if depth > MOST_DEPTH or str(argument) not in self._evaluators:
                raise Unmapped(
                    f"it refers to the evaluator {shown(argument)}, which is not there or never ends"
                )
            return self._operation(self._evaluators[str(argument)], depth + 1)
        return str(name), argument

    # What a branch gives

    def _rule(self, when: Condition | None, leaf: Any) -> list[dict[str, Any]]:
        name, argument = self._operation(leaf, 0)
        if name == "fractional":
            return [self._fraction(when, as_list(argument, "fractional"))]
        if name:
            raise Unmapped(f"the operation {name} gives a variant, which cannot be said here")
        variant = self._variant(leaf)
        if variant is None:
            return self._nothing(when)
        return [rule(when, variant=variant)]

    def _nothing(self, when: Condition | None) -> list[dict[str, Any]]:
        """ "No answer" gives the default there. A rule can only give it where there is one."""
        if self._default is not None:
            return [rule(when, variant=self._default)]
        if when is None:
            return []
        raise Unmapped(
            "a condition gives no variant and there is no default, so the code's default cannot be kept"
        )

    def _variant(self, leaf: Any) -> str | None:
        if leaf is None or leaf == {}:
            return None
        text = str(leaf).lower() if isinstance(leaf, bool) else leaf
        if not isinstance(text, str) or text not in self._variants:
            raise Unmapped(f"its targeting gives {shown(leaf)}, which is no variant of it")
        return text

    def _fraction(self, when: Condition | None, parts: Any) -> dict[str, Any]:
        unit_from, listed = self._bucketed_by(parts)
        weights = [self._weight(each) for each in listed]
        found = rule(when, split=split(arms(weights)))
        return {**found, "unit_from": unit_from} if unit_from else found

    def _weight(self, pair: Any) -> tuple[str, Decimal]:
        parts = as_list(pair, "a share of fractional")
        if len(parts) not in (1, 2):
            raise Unmapped(f"a share of fractional has {len(parts)} parts")
        name = self._variant(parts[0])
        if name is None:
            raise Unmapped("a share of fractional gives no variant")
        weight = as_number(parts[1], "a weight of fractional") if len(parts) == 2 else Decimal(1)
        return name, weight

    def _bucketed_by(self, parts: Any) -> tuple[str, Any]:
        """The attribute that is bucketed ("" for the unit), and the shares."""
        if not parts or isinstance(parts[0], list):
            return "", parts
        name, argument = self._operation(parts[0], 0)
        if name == "cat":
            named = [self._named(each) for each in as_list(argument, "cat")]
            attributes = [each for each in named if each != "$flagd.flagKey"]
            if len(attributes) != 1:
                raise Unmapped("it buckets by several attributes together")
            return self._unit(attributes[0]), parts[1:]
        if name == "var":
            return self._unit(self._named(parts[0])), parts[1:]
        raise Unmapped(f"it buckets by {shown(parts[0])}")

    def _unit(self, attribute: str) -> str:
        return "" if attribute == UNIT else attribute

    # Conditions

    def condition(self, expression: Any, depth: int = 0) -> Condition | None:
        """The condition that holds when the expression is true; None for everybody."""
        if depth > MOST_DEPTH:
            raise Unmapped(f"its targeting is nested more than {MOST_DEPTH} deep")
        name, argument = self._operation(expression, depth)
        if not name:
            return None if expression else never()
        if name == "var":
            return self._truthy(self._named({"var": argument}))
        if name in ("and", "or"):
            listed = [self.condition(each, depth + 1) for each in as_list(argument, name)]
            if not listed:
                raise Unmapped(f"{name} has nothing to look at")
            return all_of(listed) if name == "and" else any_of(listed)
        if name in ("!", "!!"):
            inner = self.condition(
                argument[0] if isinstance(argument, list) and argument else argument, depth + 1
            )
            return not_(inner) if name == "!" else inner
        return self._comparison(name, as_list(argument, name))

    def _comparison(self, name: str, parts: Any) -> Condition:
        if name in ("==", "===", "!=", "!=="):
            return self._equality(name, parts)
        if name in NUMERIC:
            return self._order(name, parts)
        tests: dict[str, Callable[[Any], Condition]] = {
            "in": self._in,
            "sem_ver": self._semver,
            "starts_with": lambda parts: self._affix("starts_with", parts),
            "ends_with": lambda parts: self._affix("ends_with", parts),
        }
        if name not in tests:
            raise Unmapped(f"the operation {name} cannot be said here")
        return tests[name](parts)

    def _equality(self, name: str, parts: Any) -> Condition:
        attribute, value = self._sides(name, parts)
        if value is None:
            found = test(attribute, "exists", False)
        elif len(name) == 2 and not isinstance(value, bool):
            found = self._loosely(attribute, value)
        else:
            found = test(attribute, "equals", self._scalar(value))
        return {"not": found} if name.startswith("!") else found

    def _loosely(self, attribute: str, value: Any) -> Condition:
        """== takes a number and the same number as text for equal."""
        self._scalar(value)
        if isinstance(value, str):
            try:
                number = plain(as_number(value.strip(), attribute))
            except Unmapped:
                return test(attribute, "equals", value)
            return test(attribute, "in", [value, number])
        return test(attribute, "in", [value, f"{value:g}" if isinstance(value, float) else str(value)])

    def _order(self, name: str, parts: Any) -> Condition:
        if len(parts) == 3 and name in ("<", "<="):
            low, high = self._order(name, parts[:2]), self._order(name, parts[1:])
            return {"all": [low, high]}
        attribute, value = self._sides(name, parts)
        is_flipped = not self._is_var(parts[0])
        number = plain(as_number(value, f"what {attribute} is compared with"))
        self.notes.add(f"{attribute} has to be sent as a number; numbers in texts do not count here")
        return test(attribute, NUMERIC[FLIPPED[name] if is_flipped else name], number)

    def _in(self, parts: Any) -> Condition:
        needle, hay = self._two("in", parts)
        if self._is_var(needle) and isinstance(hay, list):
            attribute = self._named(needle)
            values = [self._scalar(each) for each in hay]
            return test(attribute, "in", values) if values else never(attribute)
        if self._is_var(hay) and isinstance(needle, str) and needle:
            attribute = self._named(hay)
            self.notes.add(f"{attribute} has to be a text; members of lists are not looked at here")
            return test(attribute, "contains", needle)
        raise Unmapped("in looks at something else than an attribute and a list, or a text and an attribute")

    def _affix(self, op: str, parts: Any) -> Condition:
        attribute, value = self._sides(op, parts)
        return test(attribute, op, as_text(value, f"what {attribute} is compared with"))

    def _semver(self, parts: Any) -> Condition:
        if len(parts) != 3 or not self._is_var(parts[0]):
            raise Unmapped("sem_ver needs an attribute, a sign and a version")
        attribute, sign, version = (
            self._named(parts[0]),
            parts[1],
            as_text(parts[2], "the version of sem_ver"),
        )
        sign = as_text(sign, "the sign of sem_ver")
        if sign in SEMVER:
            return test(attribute, SEMVER[sign], version)
        if sign == "!=":
            both = [test(attribute, "semver_lt", version), test(attribute, "semver_gt", version)]
            return {"any": both}
        if sign in ("^", "~"):
            return self._same_release(attribute, sign, version)
        raise Unmapped(f"sem_ver has the sign {shown(sign)}, which is not known here")

    def _same_release(self, attribute: str, sign: str, version: str) -> Condition:
        """^ asks for the same major version, ~ for the same major and minor one; pre-releases included."""
        numbers = version.lstrip("v").split("-")[0].split("+")[0].split(".")
        if len(numbers) != 3 or not all(each.isascii() and each.isdigit() for each in numbers):
            raise Unmapped(f"sem_ver has the version {shown(version)}")
        major, minor = int(numbers[0]), int(numbers[1])
        low, high = ((major, 0), (major + 1, 0)) if sign == "^" else ((major, minor), (major, minor + 1))
        bounds = (("semver_gte", low), ("semver_lt", high))
        return {"all": [test(attribute, op, f"{one}.{two}.0-0") for op, (one, two) in bounds]}

    # Operands

    def _sides(self, name: str, parts: Any) -> tuple[str, Any]:
        """An attribute and a constant, whichever way round they stand."""
        one, other = self._two(name, parts)
        if self._is_var(one) and not isinstance(other, Mapping):
            return self._named(one), other
        if self._is_var(other) and not isinstance(one, Mapping) and name not in ("starts_with", "ends_with"):
            return self._named(other), one
        raise Unmapped(f"{name} compares something else than an attribute with a constant")

    def _two(self, name: str, parts: Any) -> tuple[Any, Any]:
        if len(parts) != 2:
            raise Unmapped(f"{name} has {len(parts)} parts, not two")
        return parts[0], parts[1]

    def _is_var(self, expression: Any) -> bool:
        return isinstance(expression, Mapping) and list(expression) == ["var"]

    def _named(self, expression: Any) -> str:
        """The attribute that a var names, as it is called here."""
        if not self._is_var(expression):
            raise Unmapped(f"{shown(expression)} is no attribute")
        name = expression["var"]
        if isinstance(name, list):
            if len(name) > 1 and name[1] is not None:
                raise Unmapped("an attribute has a default of its own")
            name = name[0] if name else ""
        attribute = as_text(name, "the name of an attribute")
        if attribute == "targetingKey":
            return UNIT
        if attribute == "$flagd.timestamp":
            raise Unmapped("it looks at the time; use a scheduled change or a ramp instead")
        if "." in attribute and attribute != "$flagd.flagKey":
            self.notes.add(f"the attribute has to be sent under the whole name {attribute}, not nested")
        return attribute

    def _truthy(self, attribute: str) -> Condition:
        empty = test(attribute, "in", [False, 0, ""])
        return {"all": [test(attribute, "exists", True), {"not": empty}]}

    def _scalar(self, value: Any) -> Any:
        if not isinstance(value, str | bool | int | float):
            raise Unmapped(f"{shown(value)} is compared with an attribute")
        return value
