"""The rule by which a decided experiment reaches everybody: begun with nobody, ended when all have it.

Where a review is required neither needs one of its own: the first opens nothing, and the ramp that moves it
waits for a second person; the last changes nobody's value.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from flags import definitions, holdout_queries
from flags.definitions import WHOLE_PPM, Definition
from flags.models import FlagVersion
from flags.services import reasons
from flags.services.versions import Act, Place, change_live, place
from ledger.refusals import Conflict, problem


@transaction.atomic
def begin_rollout_rule(
    *,
    environment: str,
    flag: str,
    experiment: str,
    rule: str,
    variant: str,
    actor: str,
    now: datetime,
    reason: str,
) -> FlagVersion:
    """Give the flag a last rule that may serve `variant`, to nobody yet. Units of the experiment's holdouts
    are never in it."""
    where = place(flag, environment)
    live = _live(where)
    held = holdout_queries.holdouts_of_experiment(where.flag, where.environment, experiment)
    fresh: dict[str, Any] = {"id": rule, "split": {"coverage_ppm": 0, "arms": [[variant, WHOLE_PPM]]}}
    if held:
        fresh["holdouts"] = list(held)
    changed = {**live, "rules": [*live["rules"], fresh]}
    return change_live(where, changed, Act(actor, now, reasons.checked(reason), experiment))


@transaction.atomic
def end_rollout_rule(
    *,
    environment: str,
    flag: str,
    experiment: str,
    rule: str,
    variant: str,
    actor: str,
    now: datetime,
    reason: str,
) -> FlagVersion:
    """Make `variant` what everybody gets, and drop the rule. A holdout of the experiment keeps what it has.

    Raises Blocked where a review is required and the rule does not serve it to everybody already.
    """
    where = place(flag, environment)
    live = _live(where)
    ended = next((each for each in live["rules"] if each["id"] == rule), None)
    rest = {**live, "rules": [each for each in live["rules"] if each["id"] != rule]}
    held = holdout_queries.holdouts_of_experiment(where.flag, where.environment, experiment)
    changed = (
        definitions.with_shipped(rest, experiment, variant, held)
        if held
        else definitions.with_default(rest, variant)
    )
    excused = experiment if _serves_all(ended, variant) else ""
    return change_live(where, changed, Act(actor, now, reasons.checked(reason), excused))


def _serves_all(rule: Mapping[str, Any] | None, variant: str) -> bool:
    """Whether the rule gives the variant to every unit that reaches it."""
    if rule is None or "split" not in rule or "when" in rule or "layer" in rule:
        return False
    split = rule["split"]
    return bool(split["coverage_ppm"] == WHOLE_PPM and split["arms"] == [[variant, WHOLE_PPM]])


def _live(where: Place) -> Definition:
    if where.live is None:
        why = f"it has no live version in {where.environment.key}"
        raise Conflict(problem("flag", where.flag.key, why, "Publish one first."))
    found: Definition = where.live.definition
    return found
