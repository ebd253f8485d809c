"""What a person writes about an experiment before it starts, read from JSON-like data.

The API's bodies, the console's form and other programs hand over the same mapping; everything wrong with it
is said at once. A draft may be incomplete (`experiments.preflight` says what is missing) but never
contradict itself. Nothing here knows HTTP or the database.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from experiments.plan import (
    WHOLE_PPM,
    ArmRole,
    Hypothesis,
    Inference,
    PlannedArm,
    Role,
    Trigger,
    as_lists,
)
from metrics.definitions import Amount, Direction, Margin, Where
from metrics.parsing import read_amount
from metrics.reading import Fields, body_fields

MAX_ARMS = 10
MAX_DAYS = 365
MAX_DOSE_MS = 60_000
MAX_EXCLUDED = 10
HYPOTHESIS_FIELDS = tuple(field.name for field in fields(Hypothesis))
ARM_FIELDS = tuple(field.name for field in fields(PlannedArm))
TRIGGER_FIELDS = tuple(field.name for field in fields(Trigger))
BINDING_FIELDS = ("metric", "version", "role", "blocking", "margin", "gain")
UNSTATED = Amount(0.0, relative=True)


class ExperimentKind(StrEnum):
    """ab compares a change; rollout only has to be safe; aa compares nothing with nothing."""

    AB = "ab"
    ROLLOUT = "rollout"
    ABLATION = "ablation"
    HOLDOUT = "holdout"
    AA = "aa"


@dataclass(frozen=True, slots=True)
class Draft:
    """The whole draft. `assigned_here`: Headway's flags assign the arms, not another system.

    `team` and `surface` are keys of the organisation. `layer_share_ppm` of the units of `layer` are the
    experiment's own; without a layer it shares its units with all other experiments. `prior_sd`: the report
    also gives posteriors under a normal prior around no effect of this width, as a share of the control.
    `excluded` and `trigger` as in `LockedPlan`.
    """

    title: str
    owner: str
    backup_owner: str
    team: str
    surface: str
    kind: ExperimentKind
    flag: str
    environment: str
    unit_type: str
    assigned_here: bool
    hypothesis: Hypothesis
    arms: tuple[PlannedArm, ...]
    inference: Inference
    alpha: float
    looks: int | None
    min_days: int
    max_days: int
    planned_units: int | None
    dimensions: tuple[str, ...]
    filters: tuple[tuple[str, str], ...]
    layer: str
    layer_share_ppm: int | None
    source: str
    prior_sd: float | None
    excluded: Where
    trigger: Trigger | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `read` reads it back."""
        plain = {name: getattr(self, name) for name in DRAFT_FIELDS}
        return {
            **plain,
            "kind": self.kind.value,
            "inference": self.inference.value,
            "hypothesis": _stated(self.hypothesis),
            "arms": [arm.to_dict() for arm in self.arms],
            "dimensions": list(self.dimensions),
            "filters": dict(self.filters),
            "excluded": as_lists(self.excluded),
            "trigger": self.trigger and self.trigger.to_dict(),
        }


DRAFT_FIELDS = tuple(field.name for field in fields(Draft))


@dataclass(frozen=True, slots=True)
class NewBinding:
    """A metric as it is to be bound; None means: what the metric's definition and the role say."""

    metric: str
    version: int | None
    role: Role
    blocking: bool | None
    margin: Margin | None
    gain: Amount | None


def read(data: object) -> Draft:
    """The draft that a mapping with the fields of `Draft` describes. Raises Refused with every problem."""
    body = body_fields(data, DRAFT_FIELDS)
    draft = _draft(body)
    _judge(body, draft)
    body.findings.raise_if_any()
    return draft


def merged(draft: Draft, changes: object) -> Draft:
    """The draft with some fields replaced; of the hypothesis single parts can be replaced."""
    new = dict(body_fields(changes, DRAFT_FIELDS).values)
    old = draft.to_dict()
    if isinstance(new.get("hypothesis"), Mapping):
        new["hypothesis"] = {**old["hypothesis"], **new["hypothesis"]}  # type: ignore[dict-item]
    return read({**old, **new})


def read_binding(data: object) -> NewBinding:
    """The binding that a mapping with BINDING_FIELDS describes. Raises Refused with every problem."""
    body = body_fields(data, BINDING_FIELDS)
    margin = read_amount(body, "margin", unit="in the metric's unit")
    binding = NewBinding(
        metric=body.slug("metric", fix="Name the key of the metric."),
        version=body.whole("version", low=1, high=10**6, fix="Leave it out to take the newest version."),
        role=body.choice("role", Role, fix="It says what the metric is for."),
        blocking=body.boolean("blocking", fix="It says whether the metric can stop a launch.")
        if body.values.get("blocking") is not None
        else None,
        margin=Margin(margin.value, margin.relative) if margin else None,
        gain=read_amount(body, "gain", unit="in the metric's unit"),
    )
    if binding.blocking and binding.role is not Role.GUARDRAIL and "role" in body:
        body.refuse("blocking", f"a {binding.role} metric cannot block", "Only guardrails block a launch.")
    body.findings.raise_if_any()
    return binding


def _draft(body: Fields) -> Draft:
    inference = body.choice(
        "inference", Inference, fix="It says how often one may look.", default=Inference.ALWAYS_VALID
    )
    days = "Write a number of days."
    return Draft(
        title=body.text("title", fix="Write the name people read."),
        owner=body.text("owner", fix="Name the person who answers for it.", default="", limit=150),
        backup_owner=body.text("backup_owner", fix="Name who stands in.", default="", limit=150),
        team=_key(body, "team", ""),
        surface=_key(body, "surface", ""),
        kind=body.choice("kind", ExperimentKind, fix="It says what is compared.", default=ExperimentKind.AB),
        flag=_key(body, "flag", ""),
        environment=_key(body, "environment", "production"),
        unit_type=_key(body, "unit_type", "user"),
        assigned_here=body.boolean("assigned_here", fix="false: another system assigns.", default=True),
        hypothesis=_hypothesis(body),
        arms=_arms(body),
        inference=inference,
        alpha=body.number("alpha", fix="Write the share of false alarms, for example 0.05.", default=0.05),
        looks=_looks(body, inference),
        min_days=body.whole("min_days", low=1, high=MAX_DAYS, fix=days, default=7) or 7,
        max_days=body.whole("max_days", low=1, high=MAX_DAYS, fix=days, default=28) or 28,
        planned_units=body.whole("planned_units", low=2, high=10**10, fix="Write the units in each arm."),
        dimensions=body.names("dimensions", fix='Write ["country", "device"].'),
        filters=body.pairs("filters", fix='Write {"country": "NL"}.'),
        layer=_key(body, "layer", ""),
        layer_share_ppm=body.whole(
            "layer_share_ppm", low=1, high=WHOLE_PPM, fix="Write parts per million of the layer's units."
        ),
        source=_key(body, "source", ""),
        prior_sd=_prior_sd(body),
        excluded=_excluded(body),
        trigger=_trigger(body),
    )


def _key(body: Fields, name: str, default: str) -> str:
    return body.slug(name) if body.values.get(name, default) != default else default


def _prior_sd(body: Fields) -> float | None:
    """Read-outs beside the intervals need a prior that is neither nothing nor everything."""
    if body.values.get("prior_sd") is None:
        return None
    fix = "Write the width as a share of the control's value, for example 0.02."
    width = body.number("prior_sd", fix=fix)
    if width <= 0 or width > 1:
        body.refuse("prior_sd", "this is not above 0 and up to 1", fix)
    return width


def _excluded(body: Fields) -> Where:
    """Values by dim; a text is a list of one."""
    fix, listed = 'Write {"traffic": ["bot", "internal"]}.', body.values.get("excluded", {})
    part = body.table("excluded", listed if isinstance(listed, Mapping) else (), fix=fix)
    if part is None:
        return ()
    if len(part.values) > MAX_EXCLUDED:
        body.refuse("excluded", f"these are more than {MAX_EXCLUDED} dims", "Send one dim that says it all.")
        return ()
    return tuple(sorted((name, value) for name in part.values for value in _values(part, name, fix)))


def _values(part: Fields, name: str, fix: str) -> tuple[str, ...]:
    if isinstance(part.values[name], list | tuple):
        return part.names(name, fix=fix)
    value = part.text(name, fix=fix)
    return (value,) if value else ()


def _trigger(body: Fields) -> Trigger | None:
    fix = 'Write {"event": "checkout-opened"}.'
    part = body.table("trigger", TRIGGER_FIELDS, fix=fix)
    if part is None:
        return None
    event = part.text("event", fix=fix)
    return Trigger(event, part.pairs("where", fix='Write {"page": "checkout"}.'))


def _looks(body: Fields, inference: Inference) -> int | None:
    looks = body.whole("looks", low=1, high=1000, fix="Write how often the results are looked at.")
    if inference is Inference.ALWAYS_VALID:
        return looks
    if looks not in {None, 1}:
        body.refuse("looks", "fixed inference holds for one look only", 'Use "always_valid" to look again.')
    return 1


def _hypothesis(body: Fields) -> Hypothesis:
    part = body.table("hypothesis", HYPOTHESIS_FIELDS, fix="Write an object with its parts.")
    if part is None:
        return Hypothesis("", "", "", Direction.UP, UNSTATED, "", "")
    fix = "Write a sentence."
    return Hypothesis(
        change=part.text("change", fix=fix, default="", limit=500),
        audience=part.text("audience", fix=fix, default="", limit=500),
        metric=_key(part, "metric", ""),
        direction=part.choice("direction", Direction, fix="It says which way.", default=Direction.UP),
        expected=read_amount(part, "expected", unit="in the metric's unit") or UNSTATED,
        mechanism=part.text("mechanism", fix=fix, default="", limit=2000),
        refuted_if=part.text("refuted_if", fix=fix, default="", limit=2000),
    )


def _arms(body: Fields) -> tuple[PlannedArm, ...]:
    listed = body.values.get("arms", [])
    if not isinstance(listed, list | tuple) or len(listed) > MAX_ARMS:
        body.refuse("arms", f"this is not a list of at most {MAX_ARMS} arms", "Write a list of objects.")
        return ()
    return tuple(_arm(body, index, item) for index, item in enumerate(listed))


def _arm(body: Fields, index: int, item: object) -> PlannedArm:
    if not isinstance(item, Mapping):
        body.refuse("arms", "an arm is not an object", f"Its fields are {', '.join(ARM_FIELDS)}.")
        return PlannedArm("", "", 0, ArmRole.TREATMENT)
    arm = Fields(item, ARM_FIELDS, body.findings, f"arms[{index}]")
    if "weight_ppm" not in arm:
        arm.refuse_missing("weight_ppm", "Write the arm's share in parts per million, for example 500000.")
    return PlannedArm(
        key=arm.slug("key"),
        variant=arm.text("variant", fix="Name the flag's variant this arm gets.", limit=63),
        weight_ppm=arm.whole("weight_ppm", low=1, high=WHOLE_PPM, fix="Shares are parts per million.") or 0,
        role=arm.choice("role", ArmRole, fix="One arm is the control.", default=ArmRole.TREATMENT),
        dose_ms=arm.whole("dose_ms", low=0, high=MAX_DOSE_MS, fix="Write the added delay in milliseconds."),
    )


def _judge(body: Fields, draft: Draft) -> None:
    """Rules that need more than one field."""
    if draft.min_days > draft.max_days:
        body.refuse("min_days", f"this is more than max_days = {draft.max_days}", "Swap the two.")
    if draft.alpha < 0.0001 or draft.alpha > 0.2:
        body.refuse("alpha", "this is not between 0.0001 and 0.2", "Usual is 0.05.")
    _judge_place(body, draft)
    if draft.arms and not body.findings.problems:
        _judge_arms(body, draft.arms)


def _judge_place(body: Fields, draft: Draft) -> None:
    """A layer comes with its share, a stand-in is not the owner, only ablations have doses."""
    if draft.layer and draft.layer_share_ppm is None:
        body.refuse("layer", "it is not said how much of the layer is taken", "Write layer_share_ppm too.")
    if not draft.layer and draft.layer_share_ppm is not None:
        body.refuse("layer_share_ppm", "there is no layer to take it from", "Name the layer too.")
    if draft.backup_owner and draft.backup_owner == draft.owner:
        body.refuse("backup_owner", "this is the owner", "Name somebody else.")
    if draft.kind is not ExperimentKind.ABLATION and any(arm.dose_ms is not None for arm in draft.arms):
        body.refuse("arms", "only the arms of an ablation carry a dose", 'Choose the kind "ablation".')


def _judge_arms(body: Fields, arms: tuple[PlannedArm, ...]) -> None:
    total = sum(arm.weight_ppm for arm in arms)
    if total != WHOLE_PPM:
        fix = "Weights are parts per million and add up to 1000000."
        body.refuse("arms", f"the weights add up to {total / 10_000:g} %, must be 100 %", fix)
    for name in ("key", "variant"):
        [(value, times)] = Counter(getattr(arm, name) for arm in arms).most_common(1)
        if times > 1:
            body.refuse("arms", f'two arms have the {name} "{value}"', "Give each arm its own.")
    if sum(arm.role is ArmRole.CONTROL for arm in arms) > 1:
        body.refuse("arms", "two arms are the control", "One arm is the control, all others are treatments.")


def _stated(hypothesis: Hypothesis) -> dict[str, Any]:
    """As written: an expected size that nobody stated is left out."""
    content = hypothesis.to_dict()
    return content if hypothesis.expected.value else {k: v for k, v in content.items() if k != "expected"}
