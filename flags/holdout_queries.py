"""Whom holdouts keep from what: experiments, flags and the rules that name them."""

from typing import Any

from flags import queries
from flags.models import Environment, Flag, Holdout


def holdouts_for(flag: Flag, environment: Environment, layer: str) -> tuple[str, ...]:
    """Keys of the holdouts that an experiment beginning now is kept from."""
    found = queries.holding(environment).filter(unit_type=flag.unit_type)
    return tuple(row.key for row in found if row.layers is None or layer in row.layers)


def flags_held_by(holdout: Holdout) -> list[str]:
    """Keys of the flags with a rule that names the holdout."""
    naming = queries.live_versions(holdout.environment).filter(
        definition__rules__contains=[{"holdouts": [holdout.key]}], flag__archived_at__isnull=True
    )
    return list(naming.values_list("flag__key", flat=True))


def holdouts_of_experiment(flag: Flag, environment: Environment, experiment: str) -> tuple[str, ...]:
    """The holdouts in force that the experiment's rule named when it last stood in the flag."""
    having = queries.versions(flag, environment).filter(
        definition__rules__contains=[{"experiment": experiment}], published_at__isnull=False
    )
    newest = having.values_list("definition", flat=True).first()
    rules = newest["rules"] if newest else []
    rule: dict[str, Any] = next((each for each in rules if each.get("experiment") == experiment), {})
    named: list[str] = rule.get("holdouts", [])
    return tuple(queries.holding(environment).filter(key__in=named).values_list("key", flat=True))
