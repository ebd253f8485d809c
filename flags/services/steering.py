"""Changing one thing of what is live: the coverage, the kill switch, an experiment's rule, the default."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from flags import definitions, holdout_queries, queries
from flags.definitions import ExperimentRule
from flags.models import FlagVersion
from flags.services import reasons
from flags.services.versions import Act, Place, change_live, place, raise_if_moved
from ledger.refusals import Conflict, problem, refuse


@transaction.atomic
def set_coverage(
    *,
    flag: str,
    environment: str,
    coverage_ppm: int,
    actor: str,
    now: datetime,
    rule: str | None = None,
    reason: str = "",
    seen: int | None = None,
) -> FlagVersion:
    """One step of a ramp by hand: another coverage of the flag's split. Nobody changes arm.

    `rule` names the split when there are several. `seen` is the number of the version that was live when the
    page was read. An experiment's coverage is changed by the experiment. Lowering is never held up.
    """
    where = place(flag, environment)
    raise_if_moved(where, seen)
    return cover(where, rule, coverage_ppm, Act(actor, now, reasons.checked(reason)))


@transaction.atomic
def switch_off(
    *, flag: str, environment: str, actor: str, now: datetime, reason: str, seen: int | None = None
) -> FlagVersion:
    """The kill switch: everybody gets the variant "off" names, whatever the rules say."""
    return _switched(flag, environment, seen, Act(actor, now, _needed(reason)), on=False)


@transaction.atomic
def switch_on(
    *, flag: str, environment: str, actor: str, now: datetime, reason: str, seen: int | None = None
) -> FlagVersion:
    """Let the rules decide again; gates are asked."""
    return _switched(flag, environment, seen, Act(actor, now, _needed(reason)), on=True)


@transaction.atomic
def publish_experiment_rule(
    *,
    environment: str,
    flag: str,
    experiment: str,
    arms: Sequence[tuple[str, int]],
    coverage_ppm: int,
    actor: str,
    now: datetime,
    layer: str = "",
    unit_type: str = "",
    reason: str = "",
) -> FlagVersion:
    """Let the flag serve an experiment's arms to `coverage_ppm` of its units, or of its slots in `layer`.

    The rule comes last: a unit outside the experiment sees what it saw before. Calling it again changes
    coverage and weights and keeps the salts. Arms are (variant, share in ppm). `unit_type` is what the
    experiment counts, when it has to be the flag's unit.
    """
    where = place(flag, environment)
    live = _live(where)
    if unit_type and unit_type != where.flag.unit_type:
        why = f"the flag decides for each {where.flag.unit_type}"
        raise refuse("unit_type", unit_type, why, f'Plan the experiment by "{where.flag.unit_type}".')
    if not live.definition["on"]:
        why = f"the flag is switched off in {environment}, so nobody would be in the experiment"
        raise Conflict(problem("flag", flag, why, "Switch the flag on first."))
    asked = ExperimentRule(
        experiment=experiment,
        arms=tuple((variant, weight) for variant, weight in arms),
        coverage_ppm=coverage_ppm,
        layer=layer,
        slots=_slots(layer, experiment),
        holdouts=holdout_queries.holdouts_for(where.flag, where.environment, layer),
    )
    changed = definitions.with_experiment(live.definition, asked)
    why = reasons.checked(reason) or f"experiment {experiment}"
    return change_live(where, changed, Act(actor, now, why, experiment))


@transaction.atomic
def end_experiment_rule(
    *, environment: str, flag: str, experiment: str, actor: str, now: datetime, reason: str = ""
) -> FlagVersion | None:
    """The experiment assigns nobody any more; its units get the flag's default. Never held up.

    None when it has no rule here.
    """
    where = place(flag, environment)
    live = where.live
    if live is None or definitions.rule_of_experiment(live.definition, experiment) is None:
        return None
    changed = definitions.without_experiment(live.definition, experiment)
    why = reasons.checked(reason) or f"experiment {experiment} ended"
    return change_live(where, changed, Act(actor, now, why, experiment))


@transaction.atomic
def ship_variant(
    *, environment: str, flag: str, variant: str, experiment: str, actor: str, now: datetime, reason: str
) -> FlagVersion | None:
    """Make a variant the default: everybody gets it whom no rule gives another one. Gates are asked.

    While a holdout of the experiment holds, a rule ships it to everybody else, so that its units keep what
    they have. None when it is shipped already.
    """
    where = place(flag, environment)
    live = _live(where)
    held = holdout_queries.holdouts_of_experiment(where.flag, where.environment, experiment)
    if live.definition["default"] == variant or _is_shipped(live, experiment, variant):
        return None
    changed = (
        definitions.with_shipped(live.definition, experiment, variant, held)
        if held
        else definitions.with_default(live.definition, variant)
    )
    return change_live(where, changed, Act(actor, now, reasons.checked(reason), experiment))


def _is_shipped(live: FlagVersion, experiment: str, variant: str) -> bool:
    return any(
        rule.get("holdouts")
        and rule.get("variant") == variant
        and rule["id"].startswith(f"shipped-{experiment}")
        for rule in live.definition["rules"]
    )


def _switched(flag: str, environment: str, seen: int | None, act: Act, *, on: bool) -> FlagVersion:
    where = place(flag, environment)
    raise_if_moved(where, seen)
    return switch(where, act, on=on)


def cover(where: Place, rule: str | None, coverage_ppm: int, act: Act) -> FlagVersion:
    """Another coverage of a locked flag's split."""
    live = _live(where)
    changed = definitions.with_coverage(live.definition, rule, coverage_ppm)
    if definitions.same(changed, live.definition):
        raise Conflict(problem("coverage_ppm", coverage_ppm, "this is the coverage already"))
    return change_live(where, changed, act)


def switch(where: Place, act: Act, *, on: bool) -> FlagVersion:
    """Switch a locked flag on or off."""
    live = _live(where)
    if live.definition["on"] is on:
        raise Conflict(problem("on", on, f"the flag is switched {'on' if on else 'off'} already"))
    return change_live(where, definitions.switched(live.definition, on=on), act)


def _needed(reason: str) -> str:
    return reasons.checked(reason, needed="switching a flag")


def _live(where: Place) -> FlagVersion:
    if where.live is None:
        why = f"this flag has no live version in {where.environment.key}"
        raise Conflict(problem("environment", where.environment.key, why, "Publish a version there first."))
    return where.live


def _slots(layer: str, experiment: str) -> tuple[tuple[int, int], ...]:
    if not layer:
        return ()
    owned = queries.owned_slots(queries.layer(layer), experiment)
    if not owned:
        why = f"{experiment} owns no slots of this layer"
        raise Conflict(problem("layer", layer, why, "Allocate slots to the experiment first."))
    return tuple((part.low, part.high) for part in owned)
