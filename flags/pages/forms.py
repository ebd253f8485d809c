"""A flag and its rules as HTML forms. Only reading happens here; what is acceptable is decided by services.

Problems are put beside the fields they belong to, and what was typed stays.
"""

from collections.abc import Mapping
from typing import Any

from django import forms

from flags.models import Kind, ValueType
from flags.reading import read_json, shown
from ledger.refusals import Problem, Refused
from organisation import queries as organisation_queries

JSON_PARTS: dict[str, Any] = {"variants": {}, "rules": [], "forced": {}, "prerequisites": []}
TYPES = {
    ValueType.BOOL: "bool: on or off",
    ValueType.STRING: "string: one of several texts",
    ValueType.NUMBER: "number: a limit, a size, a delay",
    ValueType.JSON: "JSON: a small configuration",
}
KINDS = {
    Kind.RELEASE: "release: temporary",
    Kind.EXPERIMENT: "experiment: arms of an experiment",
    Kind.ABLATION: "ablation: slower on purpose",
    Kind.OPS: "ops: a switch for operators",
    Kind.PERMISSION: "permission: who may use it",
}
NEW_HELP = {
    "key": "what product code asks for; never changes",
    "unit_type": "who it is decided for: user, account, device",
    "expires_on": "when it should be gone from the code",
    "is_client_side": "keys of scope client may ask for its value; anybody who opens the page can do that",
    "variants": "JSON, name to value; empty: the usual ones of the type",
    "default": "empty: off, or the first variant",
    "backup": "who answers when the owner is away",
    "json_schema": "JSON Schema that every variant has to fit; empty: any value of the type",
}


class Lines(forms.Textarea):
    """A box for JSON."""

    def __init__(self, rows: int) -> None:
        super().__init__(attrs={"rows": rows, "class": "mono", "spellcheck": "false"})


class FlagForm(forms.Form):
    """A new flag."""

    key = forms.CharField(required=False, help_text=NEW_HELP["key"])
    title = forms.CharField(required=False)
    value_type = forms.ChoiceField(label="Type of value", choices=list(TYPES.items()))
    kind = forms.ChoiceField(choices=list(KINDS.items()))
    unit_type = forms.CharField(required=False, label="Unit", initial="user", help_text=NEW_HELP["unit_type"])
    owner = forms.CharField(required=False)
    expires_on = forms.CharField(
        required=False,
        label="Expires on",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=NEW_HELP["expires_on"],
    )
    is_client_side = forms.BooleanField(
        required=False, label="Browsers and apps may ask for it", help_text=NEW_HELP["is_client_side"]
    )
    variants = forms.CharField(required=False, widget=Lines(4), help_text=NEW_HELP["variants"])
    default = forms.CharField(required=False, help_text=NEW_HELP["default"])

    def content(self) -> dict[str, Any]:
        """Arguments of `services.create_flag`. Raises Refused when the JSON cannot be read."""
        data = {name: self.data.get(name, "").strip() for name in self.fields}
        data["is_client_side"] = "is_client_side" in self.data
        data["variants"] = read_json("variants", data["variants"], empty=None)
        data["default"] = data["default"] or None
        return data


class SettingsForm(forms.Form):
    """What can change of a flag without changing what it serves."""

    title = forms.CharField(required=False)
    owner = forms.CharField(required=False)
    backup = forms.CharField(required=False, help_text=NEW_HELP["backup"])
    team = forms.ChoiceField(required=False)
    kind = forms.ChoiceField(choices=list(KINDS.items()))
    expires_on = forms.CharField(
        required=False,
        label="Expires on",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=NEW_HELP["expires_on"],
    )
    is_client_side = forms.BooleanField(
        required=False, label="Browsers and apps may ask for it", help_text=NEW_HELP["is_client_side"]
    )

    json_schema = forms.CharField(
        required=False, label="Schema", widget=Lines(6), help_text=NEW_HELP["json_schema"]
    )

    def __init__(self, *args: Any, has_json: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        teams = [(team.key, team.name) for team in organisation_queries.teams()]
        team = self.fields["team"]
        if isinstance(team, forms.ChoiceField):
            team.choices = [("", "none"), *teams]
        if not has_json:
            del self.fields["json_schema"]

    def content(self) -> dict[str, Any]:
        """What `services.edit_flag` may change. Raises Refused when the JSON cannot be read."""
        data: dict[str, Any] = {name: self.data.get(name, "").strip() for name in self.fields}
        if "json_schema" in data:
            data["json_schema"] = read_json("json_schema", data["json_schema"], empty=None)
        return {**data, "is_client_side": "is_client_side" in self.data}


class RulesForm(forms.Form):
    """A definition: two choices and four boxes of JSON."""

    default = forms.ChoiceField(required=False, label="Everybody whom no rule matches gets")
    off = forms.ChoiceField(required=False, label="While switched off, everybody gets")
    variants = forms.CharField(required=False, widget=Lines(5))
    rules = forms.CharField(required=False, widget=Lines(18))
    forced = forms.CharField(required=False, widget=Lines(3), label="Forced units")
    prerequisites = forms.CharField(required=False, widget=Lines(3))

    def __init__(self, *args: Any, base: Mapping[str, Any], **options: Any) -> None:
        super().__init__(*args, **options)
        self.base = base
        named = list(base["variants"])
        typed = self.data.get("variants") if self.is_bound else None
        if typed:
            named = _names_in(typed) or named
        for name in ("default", "off"):
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField):
                field.choices = [("", "the default in the code"), *((key, key) for key in named)]

    def definition(self) -> dict[str, Any]:
        """The definition as typed, on top of what cannot be typed. Raises Refused when it is no JSON."""
        changed = dict(self.base)
        problems: list[Problem] = []
        for name, empty in JSON_PARTS.items():
            try:
                changed[name] = read_json(name, self.data.get(name, ""), empty=empty)
            except Refused as refused:
                problems += refused.problems
        if problems:
            raise Refused(*problems)
        return changed | {name: self.data.get(name) or None for name in ("default", "off")}


def initial(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows for an existing definition."""
    parts = {name: shown(definition[name]) for name in JSON_PARTS}
    return {"default": definition["default"] or "", "off": definition["off"] or "", **parts}


def as_text(content: object) -> str:
    """JSON for a box, nothing for nothing."""
    return "" if content is None else shown(content)


def _names_in(text: str) -> list[str]:
    try:
        content = read_json("variants", text, empty={})
    except Refused:
        return []
    return list(content) if isinstance(content, dict) else []
