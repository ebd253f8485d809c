"""GrowthBook's features: the payload that SDKs load, or an answer of the API (versions 1 and 2).

An answer of the API is first put into the payload's form (`growthbook_api`), so that rules are read once.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flags.importers import growthbook_api
from flags.importers.mongo import Conditions
from flags.importers.reading import (
    UNIT,
    WHOLE_PPM,
    Audience,
    Draft,
    Notes,
    Reading,
    Unmapped,
    Variants,
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
    ppm,
    renamed,
    rule,
    split,
    type_of,
)

FEATURE = ("defaultValue", "rules", "title", "valueType", "on", "holdout", "project", "tags", "metadata")
WITHOUT_EFFECT = frozenset(
    ("id", "key", "name", "phase", "seed", "hashVersion", "tracks", "meta", "bucketVersion",
     "minBucketVersion", "disableStickyBucketing", "description")
)  # fmt: skip
EFFECTIVE = frozenset(
    (
        "condition",
        "parentConditions",
        "force",
        "coverage",
        "hashAttribute",
        "variations",
        "weights",
        "range",
        "ranges",
    )
)
REASONS = {
    "namespace": "it excludes itself from other experiments by a namespace: use a layer",
    "filters": "it excludes itself from other experiments by filters: use a layer",
    "fallbackAttribute": "it falls back to another attribute, which mixes identities within one experiment",
}


def read(content: Any, place: str = "") -> Reading:
    """The features of a document. Raises Refused when it is none."""
    if isinstance(content, Mapping) and content.get("encryptedFeatures"):
        raise no_document("GrowthBook that can be read", "The features are encrypted: take them unencrypted.")
    features, left_out, notes = growthbook_api.payload(content, place)
    groups = content.get("savedGroups") if isinstance(content, Mapping) else None

    def one(name: str, entry: Any) -> tuple[Draft, Mapping[str, Audience]]:
        return _Feature(name, as_mapping(entry, "the feature"), features, groups).draft(), {}

    return gathered(features.items(), one, left_out=left_out, notes=notes)


class _Feature:
    """One feature on its way to a draft."""

    def __init__(self, name: str, entry: Mapping[str, Any], others: Mapping[str, Any], groups: Any) -> None:
        self._name = name
        self._entry = entry
        self._others = others
        self._notes = Notes()
        self._variants = Variants()
        self._conditions = Conditions(groups if isinstance(groups, Mapping) else {}, self._notes)
        self._prerequisites: list[dict[str, Any]] = []

    def draft(self) -> Draft:
        known_fields(self._entry, FEATURE, "the feature")
        if self._entry.get("holdout"):
            raise Unmapped("it belongs to a holdout: make the holdout here first")
        value = self._entry.get("defaultValue")
        default = None if value is None else self._variants.name(value)
        rules = self._rules(as_list(self._entry.get("rules") or [], "rules"), default)
        value_type = type_of(self._variants.named.values())
        variants = self._variants.named or {"on": True, "off": False}
        if value_type == "bool":
            variants = {"on": True, "off": False} | variants
        key = key_of(self._name)
        content = definition(
            variants,
            default=default,
            off=None,
            rules=rules,
            on=self._entry.get("on", True) is not False,
            prerequisites=self._prerequisites,
        )
        notes = (*renamed(key, self._name), *self._notes.lines)
        return Draft(key, self._name, str(self._entry.get("title") or "")[:200], value_type, content, notes)

    def _rules(self, listed: Sequence[Any], default: str | None) -> list[dict[str, Any]]:
        entries = [as_mapping(each, "a rule") for each in listed]
        found: list[dict[str, Any]] = []
        for at, entry in enumerate(entries):
            made = self._rule(entry)
            if found and entry.get("parentConditions"):
                raise Unmapped("a rule in front of a prerequisite does not ask for it; here it would")
            if made is None:
                continue
            if "split" in made and made["split"]["coverage_ppm"] < WHOLE_PPM and entries[at + 1 :]:
                return [*found, self._merged(made, entries[at + 1 :], at)]
            found.append(made)
        return found

    def _merged(self, partial: dict[str, Any], rest: Sequence[Mapping[str, Any]], at: int) -> dict[str, Any]:
        """A partial rule followed by one for everybody else is one split of both; else it cannot be said."""
        after = self._rule(rest[0]) if len(rest) == 1 else None
        is_constant = after is not None and "variant" in after and "when" not in after
        if after is None or not is_constant or "when" in partial:
            raise Unmapped(
                f"rule {at + 1} covers a part of the units and the others go on to later rules; "
                "here they get the default"
            )
        covered = Decimal(partial["split"]["coverage_ppm"])
        weights = [(name, Decimal(share) * covered / WHOLE_PPM) for name, share in partial["split"]["arms"]]
        shares = arms([*weights, (after["variant"], WHOLE_PPM - covered)])
        return {**partial, "split": split(shares)}

    def _rule(self, entry: Mapping[str, Any]) -> dict[str, Any] | None:
        self._check_fields(entry)
        is_gate = self._parents(entry)
        if is_gate and not ("force" in entry or "variations" in entry):
            return None
        when = self._conditions.read(entry["condition"]) if entry.get("condition") else None
        if "force" in entry:
            return self._force(entry, when)
        if "variations" in entry:
            return self._experiment(entry, when)
        raise Unmapped("a rule neither forces a value nor has variations")

    def _check_fields(self, entry: Mapping[str, Any]) -> None:
        for name, why in REASONS.items():
            if entry.get(name):
                raise Unmapped(why)
        known_fields(entry, (*EFFECTIVE, *WITHOUT_EFFECT, *REASONS), "a rule")
        if entry.get("minBucketVersion") or entry.get("bucketVersion"):
            self._notes.add("its sticky assignments are not kept")
        for each in as_list(entry.get("meta") or [], "meta"):
            if isinstance(each, Mapping) and each.get("passthrough"):
                raise Unmapped("a variation passes its units through: make a holdout here instead")

    def _parents(self, entry: Mapping[str, Any]) -> bool:
        """Take prerequisites over; whether the rule is a gate of the whole feature."""
        parents = as_list(entry.get("parentConditions") or [], "parentConditions")
        for parent in parents:
            needed = as_mapping(parent, "a prerequisite")
            if not needed.get("gate"):
                raise Unmapped("a rule has a prerequisite of its own; here only whole flags have")
            self._prerequisites.append(self._prerequisite(needed))
        return bool(parents)

    def _prerequisite(self, needed: Mapping[str, Any]) -> dict[str, Any]:
        name = as_text(needed.get("id"), "the prerequisite's id")
        other = self._others.get(name)
        condition = needed.get("condition")
        wanted = condition.get("value") if isinstance(condition, Mapping) and len(condition) == 1 else None
        if (
            isinstance(other, Mapping)
            and isinstance(wanted, bool)
            and isinstance(other.get("defaultValue"), bool)
        ):
            return {"flag": key_of(name), "variants": ["on" if wanted else "off"]}
        raise Unmapped(f"its prerequisite {name} is not in the document or asks for more than true or false")

    def _force(self, entry: Mapping[str, Any], when: Any) -> dict[str, Any]:
        if entry["force"] is None:
            raise Unmapped("a rule forces no value, so the code's default cannot be kept")
        variant = self._variants.name(entry["force"])
        covered = self._covered(entry)
        if covered == WHOLE_PPM:
            return rule(when, variant=variant)
        return self._bucketed(entry, rule(when, split=split([[variant, WHOLE_PPM]], covered)))

    def _experiment(self, entry: Mapping[str, Any], when: Any) -> dict[str, Any]:
        values = as_list(entry["variations"], "variations")
        if len(values) < 2:
            raise Unmapped("an experiment has fewer than two variations")
        names = [
            self._variants.name(value, wish) for value, wish in zip(values, self._wishes(entry), strict=True)
        ]
        weights, covered = self._weights(entry, len(values))
        self._notes.add("its experiment is taken over as a split: plan it here to have it analysed")
        shares = arms(list(zip(names, weights, strict=True)))
        return self._bucketed(entry, rule(when, split=split(shares, covered)))

    def _wishes(self, entry: Mapping[str, Any]) -> list[str]:
        meta = entry.get("meta") if isinstance(entry.get("meta"), list) else []
        count = len(entry["variations"])
        named = [
            each.get("name") or each.get("key") if isinstance(each, Mapping) else "" for each in meta or []
        ]
        texts = [each if isinstance(each, str) and len(each) <= 100 else "" for each in named]
        are_bool = all(isinstance(value, bool) for value in entry["variations"])
        return [""] * count if are_bool or len(texts) != count else texts

    def _weights(self, entry: Mapping[str, Any], count: int) -> tuple[list[Decimal], int]:
        if entry.get("ranges"):
            widths = [_width(each) for each in as_list(entry["ranges"], "ranges")]
            if len(widths) != count:
                raise Unmapped("an experiment has not as many ranges as variations")
            return widths, ppm(min(sum(widths, Decimal(0)), Decimal(1)))
        listed = [as_number(each, "a weight") for each in as_list(entry.get("weights") or [], "weights")]
        is_whole = len(listed) == count and Decimal("0.99") <= sum(listed) <= Decimal("1.01")
        if listed and not is_whole:
            self._notes.add("its weights do not fit its variations, so they are equal, as they are there")
        return listed if is_whole else [Decimal(1)] * count, self._covered(entry)

    def _covered(self, entry: Mapping[str, Any]) -> int:
        if entry.get("range") is not None:
            return ppm(_width(entry["range"]))
        share = as_number(entry["coverage"], "coverage") if entry.get("coverage") is not None else Decimal(1)
        return ppm(min(max(share, Decimal(0)), Decimal(1)))

    def _bucketed(self, entry: Mapping[str, Any], made: dict[str, Any]) -> dict[str, Any]:
        attribute = self._conditions.attribute(str(entry.get("hashAttribute") or "id"))
        return made if attribute == UNIT else {**made, "unit_from": attribute}


def _width(pair: Any) -> Decimal:
    bounds = [as_number(each, "a range") for each in as_list(pair, "a range")]
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= 1:
        raise Unmapped("a range is no part of 0 to 1")
    return bounds[1] - bounds[0]
