"""What importers produce, and the few steps that all of them need."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger.refusals import refuse

WHOLE_PPM = 1_000_000
MOST_DEPTH = 9
UNIT = "$unit"
Condition = dict[str, Any]


class Unmapped(Exception):
    """A part of a flag that Headway cannot say the same way; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A flag as it would be made: `source_key` is its name there, `notes` what a reader has to know."""

    key: str
    source_key: str
    title: str
    value_type: str
    definition: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audience:
    """A shared group of units that rules refer to as a segment."""

    key: str
    source_key: str
    when: Condition


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not taken over, and why."""

    source_key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole document of another product."""

    drafts: tuple[Draft, ...]
    left_out: tuple[LeftOut, ...]
    segments: tuple[Audience, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Notes:
    """Remarks on one flag, each said once."""

    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        if line not in self.lines:
            self.lines.append(line)


# Reading shapes that may be anything


def as_mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unmapped(f"{what} is no JSON object")
    return value


def as_list(value: object, what: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise Unmapped(f"{what} is no list")
    return value


def as_text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise Unmapped(f"{what} is no text")
    return value


def as_number(value: object, what: str) -> Decimal:
    """A number, also one that the product keeps as text. Raises Unmapped."""
    try:
        found = Decimal(str(value)) if isinstance(value, int | float | str) else None
    except ArithmeticError:
        found = None
    if found is None or isinstance(value, bool) or not found.is_finite() or abs(found) > 2**53:
        raise Unmapped(f"{what} is no number: {shown(value)}")
    return found


def plain(number: Decimal) -> int | float:
    """The number as JSON has it."""
    return int(number) if number == number.to_integral_value() else float(number)


def known_fields(entry: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    """Raise Unmapped for a field nobody here has heard of: it could change who gets what."""
    unknown = sorted(str(name) for name in entry if name not in set(known))
    if unknown:
        raise Unmapped(f"{what} has a field that is not known here: {', '.join(unknown[:5])}")


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


# Names


def key_of(name: object) -> str:
    """A key like the name: small letters, digits and hyphens. Raises Unmapped when nothing is left."""
    text = re.sub(r"[^a-z0-9]+", "-", str(name).lower()).strip("-")[:63].strip("-")
    if not text:
        raise Unmapped("its name has no letters or digits that a key may have")
    return text


def gathered(
    entries: Iterable[tuple[str, Any]],
    read: Callable[[str, Any], tuple[Draft, Mapping[str, Audience]]],
    *,
    left_out: Iterable[LeftOut] = (),
    notes: Iterable[str] = (),
) -> Reading:
    """Entries that `read` makes drafts of, with the segments these need; the others with the reason."""
    drafts, refused = [], list(left_out)
    used: dict[str, Audience] = {}
    for name, entry in entries:
        try:
            draft, audiences = read(name, entry)
        except Unmapped as why:
            refused.append(LeftOut(str(name), str(why)))
            continue
        drafts.append(draft)
        used |= audiences
    kept, twice = _once(drafts)
    return Reading(tuple(kept), (*refused, *twice), tuple(used.values()), tuple(notes))


def _once(drafts: Iterable[Draft]) -> tuple[list[Draft], list[LeftOut]]:
    """The drafts whose key no other one has, and those that would share one."""
    listed = list(drafts)
    kept, refused = [], []
    for draft in listed:
        others = [each.source_key for each in listed if each.key == draft.key and each is not draft]
        if others:
            why = f"its key would be {draft.key}, as that of {others[0]}; rename one of them there"
            refused.append(LeftOut(draft.source_key, why))
        else:
            kept.append(draft)
    return kept, refused


def renamed(draft_key: str, source_key: str) -> Iterator[str]:
    if draft_key != source_key:
        yield f"it is called {draft_key} here: product code has to ask for that"


# Values


def type_of(values: Iterable[Any]) -> str:
    """The type that all values share. Raises Unmapped for a mixture."""
    kinds = {_kind(value) for value in values if value is not None}
    if len(kinds) > 1:
        raise Unmapped(f"its values are of several types: {', '.join(sorted(kinds))}")
    return kinds.pop() if kinds else "bool"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "json"


class Variants:
    """Values that get names: each different value one variant."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}

    def name(self, value: Any, wish: str = "") -> str:
        """The name of the value, new ones after the wish or after the value itself."""
        for name, known in self.named.items():
            if _kind(known) == _kind(value) and known == value:
                return name
        name = _free(wish or _name_of(value), self.named)
        self.named[name] = value
        return name


def _name_of(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,39}", value):
        return value
    if isinstance(value, int | float):
        return f"value-{value:g}"
    return "value"


def _free(wish: str, taken: Mapping[str, Any]) -> str:
    if wish not in taken:
        return wish
    return next(name for number in range(2, len(taken) + 3) if (name := f"{wish}-{number}") not in taken)


# Shares


def ppm(share: Decimal) -> int:
    """Parts per million of a share from 0 to 1. Raises Unmapped."""
    if not 0 <= share <= 1:
        raise Unmapped(f"{share} is no share from 0 to 1")
    return int((share * WHOLE_PPM).to_integral_value())


def arms(weights: Sequence[tuple[str, Decimal]]) -> list[list[Any]]:
    """Arms whose shares add up to exactly one million; what rounding leaves goes to the largest remainders.

    A variant that stands there twice gets both weights. Raises Unmapped when there is nothing to share.
    """
    added: dict[str, Decimal] = {}
    for name, weight in weights:
        if weight < 0:
            raise Unmapped(f"the weight of {name} is negative")
        added[name] = added.get(name, Decimal(0)) + weight
    total = sum(added.values())
    if total <= 0:
        raise Unmapped("its weights add up to nothing")
    exact = {name: weight * WHOLE_PPM / total for name, weight in added.items()}
    shares = {name: int(share) for name, share in exact.items()}
    rest = WHOLE_PPM - sum(shares.values())
    for name in sorted(exact, key=lambda name: exact[name] - shares[name], reverse=True)[:rest]:
        shares[name] += 1
    return [[name, share] for name, share in shares.items()]


# Conditions


def all_of(conditions: Iterable[Condition | None]) -> Condition | None:
    """Every condition, None for "everybody"."""
    found = [each for each in conditions if each is not None]
    return None if not found else found[0] if len(found) == 1 else {"all": found}


def any_of(conditions: Sequence[Condition | None]) -> Condition | None:
    """One of the conditions; None, everybody, as soon as one of them is."""
    if any(each is None for each in conditions):
        return None
    found = [each for each in conditions if each is not None]
    return found[0] if len(found) == 1 else {"any": found}


def not_(condition: Condition | None, attribute: str = UNIT) -> Condition:
    return never(attribute) if condition is None else {"not": condition}


def never(attribute: str = UNIT) -> Condition:
    """A condition that nobody meets."""
    return {"all": [test(attribute, "exists", True), test(attribute, "exists", False)]}


def test(attribute: str, op: str, value: Any) -> Condition:
    return {"attribute": attribute, "op": op, "value": value}


def rule(when: Condition | None, **content: Any) -> dict[str, Any]:
    return {**({"when": when} if when is not None else {}), **content}


def split(shares: list[list[Any]], coverage_ppm: int = WHOLE_PPM) -> dict[str, Any]:
    """A split without salts: they are drawn here, which is why every unit is bucketed anew."""
    return {"coverage_ppm": coverage_ppm, "arms": shares}


def definition(
    variants: Mapping[str, Any],
    *,
    default: str | None,
    off: str | None,
    rules: Sequence[dict[str, Any]],
    on: bool = True,
    forced: Mapping[str, str] | None = None,
    prerequisites: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    return {
        "on": on,
        "variants": dict(variants),
        "off": off,
        "default": default,
        "forced": dict(forced or {}),
        "prerequisites": list(prerequisites),
        "rules": list(rules),
    }


def no_document(product: str, fix: str) -> Exception:
    return refuse("content", "…", f"this is no document of {product}", fix)
