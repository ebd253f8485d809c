"""Holdouts: planned, started, ended. Starting one changes nothing that is served now.

Experiments that begin while a holdout holds name it in their rules, and so does the rule that ships their
winner; its units pass these rules over until it ends.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from flags import holdout_queries, queries, words
from flags.definitions import WHOLE_PPM
from flags.gates import Subject
from flags.holdout_models import MAX_SHARE_PPM
from flags.keys import is_key
from flags.models import Environment, Holdout
from flags.services import asking, environments, reasons
from flags.services.names import check_key, check_text
from flags.services.salts import draw_salt
from ledger import audit
from ledger.refusals import Conflict, problem, refuse


@transaction.atomic
def create_holdout(
    *,
    key: str,
    environment: str,
    share_ppm: int,
    actor: str,
    now: datetime,
    unit_type: str = "user",
    layers: Sequence[str] | None = None,
    title: str = "",
    owner: str = "",
) -> Holdout:
    """Plan a holdout for all experiments of an environment, or for those in some layers. Not in force yet."""
    check_key("key", key)
    check_key("unit_type", unit_type)
    _check_share(share_ppm)
    where = environments.locked(environment)
    if Holdout.objects.filter(key=key).exists():
        raise Conflict(problem("key", key, "there is a holdout with this key", "Choose another key."))
    made = Holdout.objects.create(
        key=key,
        title=check_text("title", title, limit=200),
        environment=where,
        unit_type=unit_type,
        salt=draw_salt(subject=f"holdout:{key}", now=now),
        share_ppm=share_ppm,
        layers=_checked_layers(layers, unit_type),
        owner=check_text("owner", owner or actor, limit=150, is_needed=True),
        created_by=actor,
        created_at=now,
    )
    _record(made, "holdout.created", actor, now, "")
    return made


@transaction.atomic
def start_holdout(*, key: str, actor: str, now: datetime, reason: str = "") -> Holdout:
    """Let it hold for the experiments that begin from now on. What is served now stays as it is."""
    why = reasons.checked(reason)
    row = _locked(key)
    if row.state != "planned":
        raise Conflict(problem("key", key, f"this holdout is {row.state}", "Plan another one."))
    row.started_at = now
    row.save(update_fields=["started_at"])
    environments.rebuild(row.environment, now=now)
    _record(row, "holdout.started", actor, now, why)
    return row


@transaction.atomic
def end_holdout(*, key: str, actor: str, now: datetime, reason: str) -> Holdout:
    """Let its units in: they get what the rules say. The gates of every flag that names it are asked.

    Where the environment requires a review, somebody other than who planned it has to do it.
    """
    why = reasons.checked(reason, needed="ending a holdout")
    row = _locked(key)
    if row.state != "holding":
        raise Conflict(problem("key", key, f"this holdout is {row.state}", "Only one that holds can end."))
    if row.environment.requires_review and (actor == row.created_by or is_key(actor)):
        fix = "Ask somebody else to end it."
        raise refuse("actor", actor, f"{row.environment.key} requires a second person", fix)
    _check_gates(row, actor, now)
    row.ended_at = now
    row.save(update_fields=["ended_at"])
    environments.rebuild(row.environment, now=now)
    _record(row, "holdout.ended", actor, now, why)
    return row


def _check_gates(row: Holdout, actor: str, now: datetime) -> None:
    for flag in holdout_queries.flags_held_by(row):
        subject = Subject(
            now=now,
            actor=actor,
            flag=flag,
            environment=row.environment.key,
            is_production=row.environment.is_production,
            coverage_before_ppm=WHOLE_PPM - row.share_ppm,
            coverage_after_ppm=WHOLE_PPM,
        )
        asking.check(row.environment, subject)


def _check_share(share_ppm: int) -> None:
    is_share = isinstance(share_ppm, int) and not isinstance(share_ppm, bool)
    if not is_share or not 1 <= share_ppm <= MAX_SHARE_PPM:
        fix = f"Give 1 to {MAX_SHARE_PPM} parts per million, for example 50000 for {words.percent(50_000)}."
        raise refuse("share_ppm", share_ppm, "this is no share of a holdout", fix)


def _checked_layers(layers: Sequence[str] | None, unit_type: str) -> list[str] | None:
    if layers is None or not list(layers):
        return None
    for each in layers:
        found = queries.layer(each)
        if found.unit_type != unit_type:
            why = f"layer {each} draws {found.unit_type} units, the holdout {unit_type} units"
            raise refuse("layers", each, why, "Choose layers of the same unit.")
    return sorted(set(layers))


def _locked(key: str) -> Holdout:
    """The environment's lock first, as everywhere."""
    where: Environment = environments.locked(queries.holdout(key).environment.key)
    row = Holdout.objects.select_for_update(of=["self"], no_key=True).get(key=key)
    row.environment = where
    return row


def _record(row: Holdout, action: str, actor: str, now: datetime, reason: str) -> None:
    after: dict[str, Any] = {
        "environment": row.environment.key,
        "state": row.state,
        "unit_type": row.unit_type,
        "share_ppm": row.share_ppm,
        "layers": row.layers,
        "owner": row.owner,
    }
    audit.record(
        now=now, actor=actor, action=action, subject=f"holdout:{row.key}", after=after, reason=reason
    )
