"""Flagsmith's environment document: feature states, segments with their overrides, identity overrides.

There a flag is on or off and has a value beside. A flag without any value becomes one of true and false; one
with values becomes one of these values, and where it is disabled product code gets its own default.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flags.importers.flagsmith_segments import audience
from flags.importers.reading import (
    Audience,
    Draft,
    LeftOut,
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
    no_document,
    renamed,
    rule,
    split,
    type_of,
)

FIX = "Take the answer of /api/v1/environment-document/."
LAST = float("inf")
State = Mapping[str, Any]


def read(content: Any, place: str = "") -> Reading:
    """The flags of a document. Raises Refused when it is none."""
    if not isinstance(content, Mapping) or not isinstance(content.get("feature_states"), list):
        raise no_document("Flagsmith", FIX)
    project = content.get("project")
    segments = project.get("segments") if isinstance(project, Mapping) else []
    around = _Around(segments, content.get("identity_overrides"))

    def one(_: str, state: Any) -> tuple[Draft, Mapping[str, Audience]]:
        feature = _Feature(as_mapping(state, "the feature state"), around)
        return feature.draft(), feature.used

    states = ((_name_of(state), state) for state in content["feature_states"])
    return gathered(states, one, left_out=around.left_out)


def _name_of(state: Any) -> str:
    feature = state.get("feature") if isinstance(state, Mapping) else None
    return str(feature.get("name", "")) if isinstance(feature, Mapping) else ""


class _Around:
    """Overrides by the feature they belong to."""

    def __init__(self, segments: Any, identities: Any) -> None:
        self.by_segment: dict[str, list[tuple[float, Mapping[str, Any], State]]] = {}
        self.by_identity: dict[str, list[tuple[str, State]]] = {}
        self.left_out: list[LeftOut] = []
        for each in segments if isinstance(segments, list) else []:
            self._add_segment(each)
        for each in identities if isinstance(identities, list) else []:
            self._add_identity(each)

    def _add_segment(self, segment: Any) -> None:
        if not isinstance(segment, Mapping):
            self.left_out.append(LeftOut("a segment", "it is no JSON object"))
            return
        states = segment.get("feature_states")
        for state in states if isinstance(states, list) else []:
            name = _name_of(state)
            if name:
                self.by_segment.setdefault(name, []).append((_priority(state), segment, state))

    def _add_identity(self, identity: Any) -> None:
        name = identity.get("identifier") if isinstance(identity, Mapping) else None
        states = identity.get("identity_features") if isinstance(identity, Mapping) else None
        if not isinstance(name, str) or not isinstance(states, list):
            self.left_out.append(LeftOut("an identity override", "it names no identity or no features"))
            return
        for state in states:
            self.by_identity.setdefault(_name_of(state), []).append((name, state))


def _priority(state: Mapping[str, Any]) -> float:
    """The smallest number wins there; a state without one comes last."""
    part = state.get("feature_segment")
    value = part.get("priority") if isinstance(part, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else LAST


class _Feature:
    """One feature on its way to a draft."""

    def __init__(self, state: State, around: _Around) -> None:
        self._state = state
        self._name = as_text(_name_of(state), "its name")
        self._segments = sorted(around.by_segment.get(self._name, []), key=lambda each: each[0])
        self._identities = around.by_identity.get(self._name, [])
        self._notes = Notes()
        self._variants = Variants()
        self.used: dict[str, Audience] = {}

    def draft(self) -> Draft:
        states = [
            self._state,
            *(each for _, _, each in self._segments),
            *(each for _, each in self._identities),
        ]
        has_values = any(_has_value(as_mapping(each, "a feature state")) for each in states)
        content = self._with_values() if has_values else self._on_or_off()
        key = key_of(self._name)
        notes = (*renamed(key, self._name), *self._notes.lines)
        return Draft(key, self._name, "", type_of(content["variants"].values()), content, notes)

    def _on_or_off(self) -> dict[str, Any]:
        """A flag that is only ever enabled or not."""
        rules = [
            rule({"segment": self._audience(segment)}, variant=_switch(state))
            for _, segment, state in self._segments
        ]
        forced = {name: _switch(as_mapping(state, "an override")) for name, state in self._identities}
        variants = {"on": True, "off": False}
        return definition(variants, default=_switch(self._state), off="off", rules=rules, forced=forced)

    def _with_values(self) -> dict[str, Any]:
        """A flag whose value counts. Disabled means the code's own default: only a whole flag gives that."""
        is_on = self._state.get("enabled") is True
        overrides = [state for _, _, state in self._segments] + [state for _, state in self._identities]
        if any((as_mapping(state, "an override").get("enabled") is True) != is_on for state in overrides):
            raise Unmapped("it has values and is enabled for some units only: make it a flag of its own here")
        rules = [
            self._ruled({"segment": self._audience(segment)}, state) for _, segment, state in self._segments
        ]
        base = self._state.get("feature_state_value")
        default = None if base is None else self._variants.name(base)
        if self._state.get("multivariate_feature_state_values"):
            rules.append(self._ruled(None, self._state))
        forced = {name: self._value(state) for name, state in self._identities}
        if not is_on:
            self._notes.add(
                "it is disabled there: here it is switched off, and product code gets its own default"
            )
        return definition(
            self._variants.named, default=default, off=None, rules=rules, on=is_on, forced=forced
        )

    def _ruled(self, when: Any, state: State) -> dict[str, Any]:
        """A rule that gives the value of a state, or shares its values out."""
        listed = as_list(state.get("multivariate_feature_state_values") or [], "multivariate values")
        if not listed:
            return rule(when, variant=self._value(state))
        weights = [self._weight(as_mapping(each, "a multivariate value")) for each in listed]
        rest = Decimal(100) - sum((weight for _, weight in weights), Decimal(0))
        if rest < 0:
            raise Unmapped("its multivariate values have more than 100 % together")
        if rest:
            weights.append((self._value(state), rest))
        return rule(when, split=split(arms(weights)))

    def _weight(self, entry: Mapping[str, Any]) -> tuple[str, Decimal]:
        option = as_mapping(entry.get("multivariate_feature_option"), "a multivariate option")
        share = as_number(entry.get("percentage_allocation"), "the share of a multivariate value")
        return self._variants.name(_scalar(option.get("value"))), share

    def _value(self, state: Any) -> str:
        value = as_mapping(state, "an override").get("feature_state_value")
        if value is None:
            raise Unmapped(
                "one of its states has no value where others have, so the code's default cannot be kept"
            )
        return self._variants.name(_scalar(value))

    def _audience(self, segment: Mapping[str, Any]) -> str:
        found = audience(segment, self._notes)
        self.used[found.key] = found
        return found.key


def _has_value(state: Mapping[str, Any]) -> bool:
    return state.get("feature_state_value") is not None or bool(
        state.get("multivariate_feature_state_values")
    )


def _switch(state: Mapping[str, Any]) -> str:
    return "on" if state.get("enabled") is True else "off"


def _scalar(value: Any) -> Any:
    if not isinstance(value, str | bool | int | float):
        raise Unmapped("one of its values is no text, number, true or false")
    return value
