"""What has to be true before an experiment may start, and what would be wiser: a list of small checks.

Every check looks at one frozen context and answers with one line that has a reason and a fix. Missing
information is never a pass.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from experiments.drafts import ExperimentKind
from experiments.plan import WHOLE_PPM, ArmRole, Binding, LockedPlan, Role
from ledger.refusals import Problem
from metrics.definitions import Direction, Margin, Tier

MAX_BLOCKING_GUARDRAILS = 5
WISE_MIN_DAYS = 7


class Status(StrEnum):
    """ok; missing keeps the experiment from starting; advice does not."""

    OK = "ok"
    MISSING = "missing"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist. `code` is stable for machines, `detail` and `fix` are for people."""

    code: str
    title: str
    status: Status
    detail: str
    fix: str = ""

    def as_problem(self) -> Problem:
        return Problem(field=self.code, value=self.status.value, reason=self.detail, fix=self.fix)


@dataclass(frozen=True, slots=True)
class Collision:
    """Another experiment that would meet this one's units. `why` is a clause; `hurts` keeps from starting."""

    experiment: str
    why: str
    hurts: bool = False


@dataclass(frozen=True, slots=True)
class LayerRoom:
    """What a layer has for this experiment, in parts per million; `owned_ppm` it has already."""

    unit_type: str
    free_ppm: int
    owned_ppm: int = 0


@dataclass(frozen=True, slots=True)
class Required:
    """A metric that a team, surface or the whole site attaches to every experiment. `of` says whose it is.

    `blocking` says whether its harm holds a launch, `margin` the largest loss accepted (None: the
    metric's own). `unpriced` says why a margin in money cannot be turned into one today; nothing starts then.
    """

    metric: str
    of: str
    blocking: bool = True
    margin: Margin | None = None
    unpriced: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything the checks look at.

    `variants` are those of the flag in its environment, None when there is no such flag; not looked at when
    another system assigns. `newest` maps metric keys to their newest version number; metrics that do not
    exist are absent. `room` is what the plan's layer has, None when there is no such layer.
    """

    owner: str
    kind: ExperimentKind
    plan: LockedPlan
    assigned_here: bool
    variants: tuple[str, ...] | None
    newest: Mapping[str, int] = field(default_factory=dict)
    backup_owner: str = ""
    surface: str = ""
    collisions: tuple[Collision, ...] = ()
    room: LayerRoom | None = None
    required: tuple[Required, ...] = ()

    def bindings(self, *roles: Role) -> tuple[Binding, ...]:
        return tuple(binding for binding in self.plan.bindings if binding.role in roles)


Check = Callable[[Context], Item]


def checklist(context: Context) -> tuple[Item, ...]:
    """All lines, in a fixed order."""
    return tuple(check(context) for check in (*CHECKS, *_more))


def blockers(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The lines that keep the experiment from starting."""
    return tuple(item for item in items if item.status is Status.MISSING)


def owner(context: Context) -> Item:
    line = _Line("owner", "Owner")
    if not context.owner:
        return line.missing("nobody answers for this experiment", "Name an owner.")
    if not context.backup_owner:
        return line.advice(f"{context.owner}, and nobody stands in", "Name a backup owner.")
    return line.ok(f"{context.owner}, {context.backup_owner} stands in")


def hypothesis(context: Context) -> Item:
    line = _Line("hypothesis", "Hypothesis")
    unstated = list(_unstated_parts(context))
    if unstated:
        return line.missing(
            f"not stated: {', '.join(unstated)}", "State all of it before the first exposure."
        )
    metric = context.plan.hypothesis.metric
    if metric not in {binding.metric for binding in context.plan.bindings}:
        return line.missing(f'it speaks of the metric "{metric}", which is not bound', "Bind this metric.")
    return line.ok("complete")


def arms(context: Context) -> Item:
    line = _Line("arms", "Arms and weights")
    planned = context.plan.arms
    controls = [arm for arm in planned if arm.role is ArmRole.CONTROL]
    if len(planned) < 2 or len(controls) != 1:
        detail = f"{len(planned)} arms, of which {len(controls)} are the control"
        return line.missing(detail, "An experiment has one control and at least one treatment.")
    total = sum(arm.weight_ppm for arm in planned)
    if total != WHOLE_PPM or any(arm.weight_ppm <= 0 for arm in planned):
        return line.missing(f"the weights add up to {total / 10_000:g} %", "They have to add up to 100 %.")
    return line.ok(", ".join(f"{arm.key} {arm.weight_ppm / 10_000:g} %" for arm in planned))


def flag(context: Context) -> Item:
    line = _Line("flag", "Flag")
    plan = context.plan
    if not plan.flag:
        return line.missing("no flag is named", "Name the flag that exposures carry.")
    if not context.assigned_here:
        return line.ok(f'another system assigns; exposures name the flag "{plan.flag}"')
    if context.variants is None:
        return line.missing(f'there is no flag "{plan.flag}" in {plan.environment}', "Create it under Flags.")
    lost = [arm.variant for arm in plan.arms if arm.variant not in context.variants]
    if lost:
        detail = f"the flag has no variant {', '.join(lost)}"
        return line.missing(detail, f"Its variants are {', '.join(context.variants)}.")
    return line.ok(f"{plan.flag} in {plan.environment}")


def primary_metric(context: Context) -> Item:
    line = _Line("primary_metric", "Primary metric")
    primary = context.bindings(Role.PRIMARY)
    if len(primary) > 1:
        return line.missing("more than one metric is primary", "Keep one; others can be success metrics.")
    if primary:
        return line.ok(f"{primary[0].metric} v{primary[0].metric_version}")
    if context.kind is ExperimentKind.ROLLOUT:
        return line.ok("not needed: a roll-out only has to be safe")
    return line.missing("no metric says whether the change helps", "Bind one metric as primary.")


def guardrails(context: Context) -> Item:
    line = _Line("guardrails", "Guardrails with margins")
    bound = context.bindings(Role.GUARDRAIL)
    bare = [binding.metric for binding in bound if binding.margin is None]
    if bare:
        detail = f"no largest accepted loss is stated for {', '.join(bare)}"
        return line.missing(
            detail, "Give each guardrail a margin; without one nothing can be proven harmless."
        )
    blocking = sum(binding.blocking for binding in bound)
    if blocking > MAX_BLOCKING_GUARDRAILS:
        detail = f"{blocking} guardrails block; proving all of them harmless would rarely succeed"
        return line.missing(
            detail, f"Let at most {MAX_BLOCKING_GUARDRAILS} block; others still raise alarms."
        )
    if not bound and context.kind is ExperimentKind.ROLLOUT:
        return line.missing("a roll-out has to be safe in some metric", "Bind at least one guardrail.")
    if not bound and context.kind is not ExperimentKind.AA:
        return line.advice("none: no harm would hold the ramp", "Bind what must not get worse.")
    return line.ok(f"{len(bound)}, of which {blocking} block")


def guardrail_set(context: Context) -> Item:
    """Metrics that everybody on a surface has to watch."""
    line = _Line("guardrail_set", "Guardrails of the surface")
    bound = {binding.metric for binding in context.bindings(Role.GUARDRAIL, Role.PRIMARY, Role.SUCCESS)}
    unpriced = [
        f"{each.metric} (of {each.of}): {each.unpriced}" for each in context.required if each.unpriced
    ]
    if unpriced:
        fix = "Publish a price on the page Impact, or let the set state the margin in per cent."
        return line.missing("; ".join(unpriced), fix)
    lost = [f"{each.metric} (of {each.of})" for each in context.required if each.metric not in bound]
    if lost:
        return line.missing(f"not bound: {', '.join(lost)}", "Bind them as guardrails, or have them waived.")
    if not context.surface:
        return line.advice("no surface is named, so nothing is attached", "Name the surface it changes.")
    named = ", ".join(each.metric for each in context.required) or "the surface attaches none"
    return line.ok(named)


def metric_trust(context: Context) -> Item:
    line = _Line("metric_trust", "Metrics fit their roles")
    wrong = [text for binding in context.plan.bindings for text in misfits(binding)]
    if wrong:
        return line.missing("; ".join(wrong), "Choose another role or another metric.")
    return line.ok("yes")


def metric_versions(context: Context) -> Item:
    line = _Line("metric_versions", "Metric versions")
    lost = [each.metric for each in context.plan.bindings if each.metric not in context.newest]
    if lost:
        return line.missing(f"there is no metric {', '.join(lost)}", "Bind metrics of the registry.")
    older = [
        f"{each.metric} v{each.metric_version} (newest v{context.newest[each.metric]})"
        for each in context.plan.bindings
        if each.metric_version < context.newest[each.metric]
    ]
    if older:
        return line.advice(f"older than the registry: {', '.join(older)}", "Bind them again to follow it.")
    return line.ok("all newest")


def duration(context: Context) -> Item:
    line = _Line("duration", "Duration")
    low, high = context.plan.min_days, context.plan.max_days
    if not 1 <= low <= high:
        return line.missing(f"from {low} to {high} days", "The least has to come before the most.")
    metric, window = _longest_window(context)
    if window > high:
        detail = f"{metric} takes {window:g} days of every unit, and it ends after {high} at the latest"
        return line.missing(detail, "Plan more days, or bind a metric with a shorter window.")
    if window > low:
        detail = f"{low} to {high} days, and {metric} has values after {window:g} only"
        return line.advice(detail, f"Plan at least {window + low:g} days.")
    if low < WISE_MIN_DAYS:
        detail = f"{low} to {high} days; weekdays and weekends would not all be covered"
        return line.advice(detail, f"Plan at least {WISE_MIN_DAYS} days.")
    return line.ok(f"{low} to {high} days")


def _longest_window(context: Context) -> tuple[str, float]:
    """The metric that waits longest for the values of a unit, and for how many days."""
    hours = {each.metric: each.definition.window_hours or 0 for each in context.plan.bindings}
    metric = max(hours, key=lambda key: hours[key], default="")
    return metric, hours.get(metric, 0) / 24


def planned_units(context: Context) -> Item:
    line = _Line("planned_units", "Planned size")
    units = context.plan.planned_units
    if units is None:
        return line.advice("not stated", "State the units per arm, so that information can be counted.")
    return line.ok(f"{units:,} units in each arm")


def layer(context: Context) -> Item:
    line = _Line("layer", "Layer")
    plan, room = context.plan, context.room
    if not plan.layer:
        return line.ok("none: it shares its units with other experiments")
    if room is None:
        return line.missing(f'there is no layer "{plan.layer}"', "Create it under Flags, or name another.")
    if room.unit_type != plan.unit_type:
        why = f"the layer divides by {room.unit_type}, the experiment by {plan.unit_type}"
        return line.missing(why, "Take a layer of the same unit.")
    asked = plan.layer_share_ppm or 0
    if not room.owned_ppm and asked > room.free_ppm:
        why = f"only {room.free_ppm} ppm of {plan.layer} are free, {asked} are asked for"
        return line.missing(why, "Take less, or wait until slots are freed and have rested.")
    return line.ok(f"{asked} ppm of {plan.layer}")


def collisions(context: Context) -> Item:
    """Others that meet the same units, each with its reason."""
    line = _Line("collisions", "Other experiments")
    said = "; ".join(f"{each.experiment} {each.why}" for each in context.collisions)
    if any(each.hurts for each in context.collisions):
        return line.missing(said, "Wait for it, or give both a share of one layer.")
    if said:
        return line.advice(said, "Give both a share of one layer, or accept that they may interact.")
    return line.ok("none meets the same units")


CHECKS: tuple[Check, ...] = (
    owner,
    hypothesis,
    arms,
    flag,
    primary_metric,
    guardrails,
    guardrail_set,
    metric_trust,
    metric_versions,
    duration,
    planned_units,
    layer,
    collisions,
)
_more: list[Check] = []


def register(check: Check) -> None:
    """Add a check that needs what only apps above know, such as traffic. Twice is the same as once."""
    if check not in _more:
        _more.append(check)


@dataclass(frozen=True, slots=True)
class _Line:
    code: str
    title: str

    def ok(self, detail: str) -> Item:
        return Item(self.code, self.title, Status.OK, detail)

    def advice(self, detail: str, fix: str) -> Item:
        return Item(self.code, self.title, Status.ADVICE, detail, fix)

    def missing(self, detail: str, fix: str) -> Item:
        return Item(self.code, self.title, Status.MISSING, detail, fix)


def _unstated_parts(context: Context) -> Iterator[str]:
    stated = context.plan.hypothesis
    for name in ("change", "audience", "metric", "mechanism", "refuted_if"):
        if not getattr(stated, name):
            yield name.replace("_", " ")
    if stated.expected.value <= 0 and context.kind is not ExperimentKind.AA:
        yield "expected size"


def misfits(binding: Binding) -> Iterator[str]:
    """Why the metric cannot have this role."""
    definition = binding.definition
    if definition.tier is Tier.DEPRECATED:
        yield f"{binding.metric} is deprecated"
    if definition.tier is Tier.ALPHA and binding.blocking:
        yield f"{binding.metric} is alpha and cannot block a launch"
    deciding = binding.role in {Role.PRIMARY, Role.SUCCESS, Role.GUARDRAIL, Role.DETERIORATION}
    if definition.direction is Direction.NONE and deciding:
        yield f"{binding.metric} has no better direction and can only be diagnostic"
