"""Unleash: its export (features, featureStrategies, featureEnvironments, …) or an answer of its client API.

There a flag is on or off for a unit and may give a variant beside; any of its strategies can switch it on.
Here a flag is a list of rules of which the first decides. Both say the same as long as at most one strategy
covers a part of the units, and that one comes last.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flags.importers.reading import (
    WHOLE_PPM,
    Audience,
    Draft,
    Notes,
    Reading,
    Unmapped,
    Variants,
    all_of,
    arms,
    as_list,
    as_mapping,
    as_number,
    as_text,
    definition,
    gathered,
    key_of,
    known_fields,
    no_document,
    renamed,
    rule,
    split,
    type_of,
)
from flags.importers.unleash_strategies import Strategy, constraints, strategy
from flags.importers.unleash_values import value_of
from ledger.refusals import refuse

FIX = "Take an export, or the answer of /api/client/features."
FEATURE = frozenset(
    ("name", "type", "description", "project", "archived", "archivedAt", "stale", "impressionData",
     "enabled", "strategies", "variants", "dependencies", "createdAt", "lastSeenAt", "environments",
     "tags", "createdBy", "favorite", "links")
)  # fmt: skip


class _Export:
    """A document, its parts by the flag they belong to."""

    def __init__(self, content: Mapping[str, Any], place: str) -> None:
        self.strategies: defaultdict[str, list[Any]] = defaultdict(list)
        self.places: dict[str, Mapping[str, Any]] = {}
        self.needed: dict[str, Any] = {}
        self.segments = _segments(content)
        for each in _rows(content, "featureStrategies"):
            self.strategies[str(each.get("featureName"))].append(each)
        rows = _rows(content, "featureEnvironments")
        chosen = _chosen({str(row.get("environment")) for row in rows}, place)
        for row in rows:
            if str(row.get("environment")) == chosen:
                self.places[str(row.get("featureName") or row.get("name"))] = row
        for each in _rows(content, "dependencies"):
            self.needed[str(each.get("feature"))] = each.get("dependencies")


def read(content: Any, place: str = "") -> Reading:
    """The flags of a document. Raises Refused when it is none."""
    if not isinstance(content, Mapping) or not isinstance(content.get("features"), list):
        raise no_document("Unleash", FIX)
    export = _Export(content, place)

    def one(_: str, entry: Any) -> tuple[Draft, Mapping[str, Audience]]:
        feature = _Feature(as_mapping(entry, "the flag"), export)
        return feature.draft(), feature.used

    return gathered(((_name_of(entry), entry) for entry in content["features"]), one)


def _name_of(entry: Any) -> str:
    return str(entry.get("name", "")) if isinstance(entry, Mapping) else ""


class _Feature:
    """One flag on its way to a draft."""

    def __init__(self, entry: Mapping[str, Any], export: _Export) -> None:
        self._entry = entry
        self._name = as_text(entry.get("name"), "its name")
        self._export = export
        self._place = export.places.get(self._name, entry)
        self._notes = Notes()
        self._variants = Variants()
        self.used: dict[str, Audience] = {}

    def draft(self) -> Draft:
        known_fields(self._entry, FEATURE, "the flag")
        if self._entry.get("archived"):
            raise Unmapped("it is archived there")
        key = key_of(self._name)
        strategies = self._strategies()
        listed = as_list(self._place.get("variants") or [], "variants")
        has_variants = bool(listed) or any(each.variants for each in strategies)
        rules = [self._rule(each, listed) for each in self._in_order(strategies, has_variants=has_variants)]
        variants = self._variants.named if has_variants else {"on": True, "off": False}
        if has_variants:
            self._notes.add("it gives variants: product code asks for the variant instead of on or off")
        rest = None if has_variants else "off"
        content = definition(
            variants,
            default=rest,
            off=rest,
            rules=rules,
            on=self._place.get("enabled", True) is not False,
            prerequisites=self._prerequisites(),
        )
        title = str(self._entry.get("description") or "").split("\n")[0][:200]
        notes = (*renamed(key, self._name), *self._notes.lines)
        return Draft(key, self._name, title, type_of(variants.values()), content, notes)

    def _strategies(self) -> list[Strategy]:
        own = self._export.strategies.get(self._name)
        listed = own if own is not None else as_list(self._entry.get("strategies") or [], "strategies")
        kept = [each for each in listed if not (isinstance(each, Mapping) and each.get("disabled"))]
        if len(kept) < len(listed):
            self._notes.add(f"{len(listed) - len(kept)} disabled strategies are not taken over")
        if not kept and not listed:
            return [Strategy(None, WHOLE_PPM)]
        ordered = sorted(
            (as_mapping(each, "a strategy") for each in kept),
            key=lambda each: _order(each.get("sortOrder")),
        )
        return [self._with_segments(each, strategy(each, self._notes)) for each in ordered]

    def _with_segments(self, entry: Mapping[str, Any], found: Strategy) -> Strategy:
        wanted = as_list(entry.get("segments") or [], "segments")
        parts = [{"segment": self._segment(each)} for each in wanted]
        return found._replace(when=all_of((found.when, *parts)))

    def _segment(self, number: Any) -> str:
        known = self._export.segments.get(str(number))
        if known is None:
            raise Unmapped(f"its segment {number} is not in the document")
        key = key_of(known.get("name") or f"segment {number}")
        if known.get("constraints") is None:
            self._notes.add(f"the export does not say who is in the segment {key}: make it here first")
            return key
        when = constraints(as_list(known["constraints"], "constraints"), self._notes)
        if when is None:
            raise Unmapped(f"its segment {known.get('name')} has no constraints")
        self.used[key] = Audience(key, str(known.get("name") or number), when)
        return key

    def _in_order(self, strategies: Sequence[Strategy], *, has_variants: bool) -> list[Strategy]:
        """Whole strategies first and a partial one last: any strategy may switch a flag on."""
        partial = [each for each in strategies if each.covered_ppm < WHOLE_PPM]
        whole = [each for each in strategies if each.covered_ppm == WHOLE_PPM]
        if len(partial) > 1:
            raise Unmapped(
                "several of its strategies cover a part of the units; a unit that one does not cover "
                "can be covered by the next, which cannot be said here"
            )
        if has_variants and len(strategies) > 1 and partial and strategies[-1] not in partial:
            raise Unmapped(
                "a strategy that covers a part of the units stands in front of one that gives variants"
            )
        return [*whole, *partial]

    def _rule(self, found: Strategy, listed: Sequence[Any]) -> dict[str, Any]:
        variants = found.variants or listed
        if not variants:
            return _plain_rule(found)
        shares = arms([self._arm(as_mapping(each, "a variant")) for each in variants])
        made = rule(found.when, split=split(shares, found.covered_ppm))
        return {**made, "unit_from": found.unit_from} if found.unit_from else made

    def _arm(self, entry: Mapping[str, Any]) -> tuple[str, Decimal]:
        name = as_text(entry.get("name"), "the name of a variant")
        if entry.get("overrides"):
            raise Unmapped(f"its variant {name} has overrides: write a rule in front instead")
        weight = as_number(entry.get("weight", 0), f"the weight of {name}")
        value = value_of(entry.get("payload"), name)
        if name in self._variants.named and self._variants.named[name] != value:
            raise Unmapped(f"its variant {name} has several values")
        self._variants.named[name] = value
        return name, weight

    def _prerequisites(self) -> list[dict[str, Any]]:
        listed = self._export.needed.get(self._name, self._entry.get("dependencies")) or []
        found = []
        for each in as_list(listed, "dependencies"):
            needed = as_mapping(each, "a dependency")
            if needed.get("variants"):
                raise Unmapped("it depends on variants of another flag, whose names are not told with it")
            wanted = "off" if needed.get("enabled") is False else "on"
            found.append({"flag": key_of(needed.get("feature")), "variants": [wanted]})
        return found


def _plain_rule(found: Strategy) -> dict[str, Any]:
    if found.covered_ppm == WHOLE_PPM:
        return rule(found.when, variant="on")
    made = rule(found.when, split=split([["on", WHOLE_PPM]], found.covered_ppm))
    return {**made, "unit_from": found.unit_from} if found.unit_from else made


def _rows(content: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The rows of a section. Raises Refused when it is none."""
    rows = content.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise refuse(name, "…", "this section is no list of objects", FIX)
    return rows


def _segments(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(row.get("id")): row for row in _rows(content, "segments")}


def _chosen(found: set[str], wanted: str) -> str:
    """The environment to read. Raises Refused when the document holds several and none of them is meant."""
    if wanted in found or not found:
        return wanted
    if len(found) == 1:
        return next(iter(found))
    fix = f"Name one of: {', '.join(sorted(found))}."
    raise refuse("place", wanted, "the document holds several environments", fix)


def _order(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
