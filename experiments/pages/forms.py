"""The plan as an HTML form: texts in, the mapping that the services read out.

Only types are converted here (per cent to parts per million, lines to pairs). What is acceptable is decided
by `experiments.drafts`, whose problems are put beside the fields they belong to.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms

from experiments.drafts import Draft, ExperimentKind
from experiments.plan import WHOLE_PPM, ArmRole, Inference, Role, as_lists
from ledger.forms import first_part
from metrics.definitions import Direction, Where

ARM_ROWS = 4
BLOCKING = [("", "as usual for the role"), ("yes", "can stop a launch"), ("no", "cannot stop a launch")]
METRICS_OWN = "empty: the metric's own"
RELATIVE = [("relative", "% of the control's value"), ("absolute", "in the metric's unit")]
KINDS = {
    ExperimentKind.AB: "A/B: does a change help?",
    ExperimentKind.ROLLOUT: "Roll-out: is a change safe?",
    ExperimentKind.ABLATION: "Ablation: what is speed worth?",
    ExperimentKind.HOLDOUT: "Hold-out: what do many changes add up to?",
    ExperimentKind.AA: "A/A: nothing changes, does the machinery agree?",
}
INFERENCES = {
    Inference.ALWAYS_VALID: "always valid: look as often as you like",
    Inference.FIXED: "fixed: one look at the end",
}
DIRECTIONS = {Direction.UP: "rises", Direction.DOWN: "falls", Direction.NONE: "does not move"}
HYPOTHESIS = ("change", "audience", "metric", "direction", "mechanism", "refuted_if")
PLAIN = ("kind", "flag", "environment", "unit_type", "inference")
CLEARED = ("title", "owner", "backup_owner", "team", "surface", "layer", "source")
NUMBERS = ("alpha", "looks", "min_days", "max_days", "planned_units")


class _Rows(forms.Textarea):
    def __init__(self, rows: int) -> None:
        super().__init__(attrs={"rows": rows})


@dataclass(frozen=True, slots=True)
class Places:
    """What teams, surfaces and layers there are to choose from, by key."""

    teams: tuple[str, ...] = ()
    surfaces: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()


class PlanForm(forms.Form):
    """Everything but the arms, which are rows of their own."""

    key = forms.CharField(required=False, help_text="lower-case letters, digits and hyphens; never changes")
    title = forms.CharField(required=False)
    owner = forms.CharField(required=False, help_text="who answers for it")
    backup_owner = forms.CharField(required=False, help_text="who stands in when the owner is away")
    team = forms.ChoiceField(required=False)
    surface = forms.ChoiceField(required=False, help_text="the part of the product it changes")
    kind = forms.ChoiceField(choices=list(KINDS.items()))
    change = forms.CharField(required=False, label="We believe that", widget=_Rows(2))
    audience = forms.CharField(required=False, label="for", help_text="for example: signed-in users")
    metric = forms.ChoiceField(required=False, label="the metric", help_text="bind it as primary afterwards")
    direction = forms.ChoiceField(label="moves", choices=list(DIRECTIONS.items()))
    expected = forms.FloatField(required=False, label="by at least")
    expected_scale = forms.ChoiceField(label="measured", choices=RELATIVE)
    mechanism = forms.CharField(required=False, label="because", widget=_Rows(2))
    refuted_if = forms.CharField(required=False, label="We were wrong if", widget=_Rows(2))
    flag = forms.CharField(required=False, help_text="the flag whose variants are the arms")
    environment = forms.CharField(required=False, initial="production")
    unit_type = forms.CharField(required=False, initial="user", help_text="who is put into an arm")
    assigned_here = forms.BooleanField(
        required=False, initial=True, label="Headway's flag assigns the arms", help_text="off: imported data"
    )
    source = forms.CharField(
        required=False,
        label="Data source",
        help_text="empty: events sent to Headway; else the key of your own tables, as on the page Sources",
    )
    layer = forms.ChoiceField(
        required=False,
        help_text="experiments in one layer never share a unit; none: it shares with all others",
    )
    layer_share = forms.DecimalField(
        required=False, label="Share of the layer in %", min_value=Decimal(0), max_value=Decimal(100)
    )
    inference = forms.ChoiceField(choices=list(INFERENCES.items()))
    alpha = forms.FloatField(required=False, initial=0.05, help_text="share of false alarms")
    prior_sd = forms.FloatField(
        required=False,
        label="Bayesian read-out: width of the prior in %",
        help_text="empty: none; for example 2. It is shown beside the intervals and decides nothing",
    )
    looks = forms.IntegerField(required=False, help_text="planned looks; empty: as often as data arrive")
    min_days = forms.IntegerField(required=False, initial=7, label="Least days")
    max_days = forms.IntegerField(required=False, initial=28, label="Most days")
    planned_units = forms.IntegerField(required=False, label="Planned units in each arm")
    dimensions = forms.CharField(required=False, label="Slices", help_text="names, separated by commas")
    filters = forms.CharField(
        required=False, widget=_Rows(2), help_text="one dim = value a line; only such exposures count"
    )
    excluded = forms.CharField(
        required=False,
        widget=_Rows(2),
        label="Left out",
        help_text="bots and your own people: one dim = value a line; a unit with such an exposure is out",
    )
    trigger = forms.CharField(
        required=False,
        label="Trigger",
        help_text="empty: the first exposure; else the event from which on the arms can differ. "
        "Only units that had it take part",
    )
    trigger_where = forms.CharField(
        required=False, widget=_Rows(2), label="Only triggers with", help_text="one dim = value a line"
    )

    def __init__(self, *args: Any, titles: dict[str, str], places: Places, **options: Any) -> None:
        super().__init__(*args, **options)
        none = ("", "none")
        listed = {"team": places.teams, "surface": places.surfaces, "layer": places.layers}
        self._offer("metric", [("", "…"), *titles.items()])
        for name, keys in listed.items():
            self._offer(name, [none, *((key, key) for key in keys)])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices

    def content(self) -> dict[str, Any]:
        """The mapping for `services.create` and `services.edit`; fields left empty keep their defaults."""
        data = self.cleaned_data
        numbers = {name: data[name] for name in NUMBERS if data[name] is not None}
        hypothesis = {name: data[name] for name in HYPOTHESIS}
        if data["expected"] is not None:
            hypothesis["expected"] = as_amount(data["expected"], data["expected_scale"])
        return {
            **{name: data[name] for name in PLAIN if data[name]},
            **{name: data[name] for name in CLEARED},
            **numbers,
            "layer_share_ppm": _ppm(data["layer_share"]) if data["layer"] else None,
            "prior_sd": None if data["prior_sd"] is None else round(data["prior_sd"] / 100, 12),
            "assigned_here": data["assigned_here"],
            "hypothesis": hypothesis,
            "dimensions": [name.strip() for name in data["dimensions"].split(",") if name.strip()],
            "filters": dict(_pairs(data["filters"])),
            "excluded": as_lists(_pairs(data["excluded"])),
            "trigger": _trigger(data["trigger"], data["trigger_where"]),
        }


class ArmForm(forms.Form):
    """One arm; a row without a key is left out."""

    key = forms.CharField(required=False, label="Arm")
    variant = forms.CharField(required=False, label="Variant of the flag")
    weight = forms.DecimalField(
        required=False, label="Share in %", min_value=Decimal(0), max_value=Decimal(100)
    )
    role = forms.ChoiceField(choices=[(role, role) for role in ArmRole], initial=ArmRole.TREATMENT)
    dose_ms = forms.IntegerField(required=False, label="Added delay in ms", min_value=0)

    def __init__(self, *args: Any, has_dose: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not has_dose:
            self.fields["dose_ms"].widget = forms.HiddenInput()

    def content(self) -> dict[str, Any] | None:
        data = self.cleaned_data
        if not data.get("key"):
            return None
        weight = _ppm(data["weight"]) or 0
        named = {"key": data["key"], "variant": data["variant"], "weight_ppm": weight, "role": data["role"]}
        return {**named, "dose_ms": data["dose_ms"]}


ArmRows = forms.formset_factory(ArmForm, extra=0, min_num=ARM_ROWS, max_num=10)
NEW_ARMS: list[dict[str, Any]] = [
    {"key": "control", "variant": "off", "weight": 50, "role": ArmRole.CONTROL},
    {"key": "treatment", "variant": "on", "weight": 50, "role": ArmRole.TREATMENT},
    *({"role": ArmRole.TREATMENT} for _ in range(ARM_ROWS - 2)),
]


class BindForm(forms.Form):
    """One metric of the plan."""

    metric = forms.ChoiceField()
    role = forms.ChoiceField(choices=[(role, role) for role in Role])
    blocking = forms.ChoiceField(
        required=False,
        choices=BLOCKING,
    )
    margin = forms.FloatField(required=False, label="Largest loss accepted", help_text=METRICS_OWN)
    margin_scale = forms.ChoiceField(label="measured", choices=RELATIVE)
    gain = forms.FloatField(required=False, label="Smallest worthwhile effect", help_text=METRICS_OWN)
    gain_scale = forms.ChoiceField(label="measured", choices=RELATIVE)

    def __init__(self, *args: Any, titles: dict[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["metric"]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(titles.items())

    def content(self) -> dict[str, Any]:
        data = self.cleaned_data
        found: dict[str, Any] = {"metric": data["metric"], "role": data["role"]}
        if data["blocking"]:
            found["blocking"] = data["blocking"] == "yes"
        for name in ("margin", "gain"):
            if data[name] is not None:
                found[name] = as_amount(data[name], data[f"{name}_scale"])
        return found


def as_amount(value: float, scale: str) -> dict[str, Any]:
    """What stands in the form (2 and "%") as a size: {"value": 0.02, "relative": true}."""
    is_relative = scale == "relative"
    return {"value": round(value / 100, 12) if is_relative else value, "relative": is_relative}


def initial(key: str, draft: Draft) -> dict[str, Any]:
    """The form's content for an existing draft."""
    content, expected = draft.to_dict(), draft.hypothesis.expected
    shown = expected.value * 100 if expected.relative else expected.value
    return {
        **content,
        **content["hypothesis"],
        "key": key,
        "prior_sd": None if draft.prior_sd is None else round(draft.prior_sd * 100, 10),
        "layer_share": f"{draft.layer_share_ppm / 10_000:g}" if draft.layer_share_ppm else None,
        "expected": round(shown, 10) or None,
        "expected_scale": "relative" if expected.relative else "absolute",
        "dimensions": ", ".join(draft.dimensions),
        "filters": _lines(draft.filters),
        "excluded": _lines(draft.excluded),
        "trigger": draft.trigger.event if draft.trigger else "",
        "trigger_where": _lines(draft.trigger.where) if draft.trigger else "",
    }


def initial_arms(draft: Draft) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "key": arm.key,
            "variant": arm.variant,
            "weight": f"{arm.weight_ppm / 10_000:g}",
            "role": arm.role,
            "dose_ms": arm.dose_ms,
        }
        for arm in draft.arms
    ]
    return rows + [{"role": ArmRole.TREATMENT}] * (ARM_ROWS - len(rows))


def name_of(field: str) -> str:
    """The form's name of a field of the draft; parts of the hypothesis stand alone."""
    return first_part(field.removeprefix("hypothesis.").removesuffix("_ppm"))


def _ppm(percent: Decimal | None) -> int | None:
    return None if percent is None else int(percent * (WHOLE_PPM // 100))


def _pairs(text: str) -> Where:
    found = (line.partition("=") for line in text.splitlines() if line.strip())
    return tuple((name.strip(), value.strip()) for name, _, value in found)


def _lines(pairs: Where) -> str:
    return "\n".join(f"{name} = {value}" for name, value in pairs)


def _trigger(event: str, where: str) -> dict[str, Any] | None:
    """Dims without an event are kept, so that the missing event is asked for."""
    return {"event": event, "where": dict(_pairs(where))} if event or where.strip() else None
