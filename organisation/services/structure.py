"""Teams and surfaces: made, changed, archived, all by the same few steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from ledger import audit
from ledger.refusals import Conflict, Problem, problem, raise_if_any
from organisation import queries
from organisation.models import Surface, Team
from organisation.services.checks import key_problems, owner_problems, text_problems

Row = TypeVar("Row", Team, Surface)
LONGEST = {"name": 200, "channel": 100, "description": 500}
"""Characters of the texts; a name is needed."""
FACTS = {
    Team: ("name", "owner", "backup", "channel"),
    Surface: ("name", "owner", "backup", "team", "description"),
}
"""What may be said of each, by the names under which it is said."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who does it, when and why."""

    actor: str
    now: datetime
    reason: str = ""


def create_team(
    *, key: str, name: str, owner: str, actor: str, now: datetime, backup: str = "", channel: str = ""
) -> Team:
    """A new team. Raises Refused for what is no key, name or owner, Conflict when the key is taken."""
    facts = {"name": name, "owner": owner, "backup": backup, "channel": channel}
    return _create(Team, key, facts, Act(actor, now))


def change_team(
    *,
    key: str,
    name: str,
    owner: str,
    actor: str,
    now: datetime,
    backup: str = "",
    channel: str = "",
    reason: str = "",
) -> Team:
    """The team with these facts. Raises Refused, NotFound."""
    facts = {"name": name, "owner": owner, "backup": backup, "channel": channel}
    return _change(queries.team(key), facts, Act(actor, now, reason))


def create_surface(
    *,
    key: str,
    name: str,
    team: str,
    owner: str,
    actor: str,
    now: datetime,
    backup: str = "",
    description: str = "",
) -> Surface:
    """A new surface of a team. Raises Refused, NotFound for the team, Conflict when the key is taken."""
    facts = {"name": name, "owner": owner, "backup": backup, "team": team, "description": description}
    return _create(Surface, key, facts, Act(actor, now))


def change_surface(
    *,
    key: str,
    name: str,
    team: str,
    owner: str,
    actor: str,
    now: datetime,
    backup: str = "",
    description: str = "",
    reason: str = "",
) -> Surface:
    """The surface with these facts. Raises Refused, NotFound."""
    facts = {"name": name, "owner": owner, "backup": backup, "team": team, "description": description}
    return _change(queries.surface(key), facts, Act(actor, now, reason))


@transaction.atomic
def archive(*, kind: str, key: str, actor: str, now: datetime, reason: str = "") -> None:
    """Take a team or surface out of the lists; what refers to it keeps it. A team with surfaces stays."""
    row: Team | Surface = queries.team(key) if kind == "team" else queries.surface(key)
    if isinstance(row, Team) and (left := list(queries.surfaces().filter(team=row))):
        why = f"{len(left)} surfaces belong to it: {', '.join(each.key for each in left[:5])}"
        raise Conflict(problem("team", key, why, "Give them to another team first."))
    if row.archived_at is None:
        before = _facts(row)
        row.archived_at = now
        _save(row, "archived", before, Act(actor, now, reason))


@transaction.atomic
def _create(model: type[Row], key: str, facts: dict[str, str], act: Act) -> Row:
    raise_if_any([*key_problems(key), *_problems(facts)])
    if model.objects.filter(key=key).exists():
        why = f"there is a {_kind(model)} with this key"
        raise Conflict(problem("key", key, why, "Choose another key."))
    made = model.objects.create(key=key, created_at=act.now, **_columns(facts))
    _record(made, "created", {}, act)
    return made


@transaction.atomic
def _change(known: Row, facts: dict[str, str], act: Act) -> Row:
    raise_if_any(_problems(facts))
    row = type(known).objects.select_for_update().get(key=known.key)
    before = _facts(row)
    for name, value in _columns(facts).items():
        setattr(row, name, value)
    _save(row, "changed", before, act)
    return row


def _problems(facts: dict[str, str]) -> Iterator[Problem]:
    for name, limit in LONGEST.items():
        if name in facts:
            yield from text_problems(name, facts[name], limit=limit, is_needed=name == "name")
    yield from owner_problems(facts["owner"], facts["backup"])


def _columns(facts: dict[str, str]) -> dict[str, Any]:
    """The facts as they are stored. Raises NotFound for the team."""
    return {**facts, "team": queries.team(facts["team"])} if "team" in facts else dict(facts)


def _save(row: Team | Surface, verb: str, before: dict[str, Any], act: Act) -> None:
    """Store the row with its audit row; a change of nothing leaves no trace."""
    if _facts(row) != before:
        row.save()
        _record(row, verb, before, act)


def _record(row: Team | Surface, verb: str, before: dict[str, Any], act: Act) -> None:
    after = _facts(row)
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    audit.record(
        now=act.now,
        actor=act.actor,
        action=f"{_kind(type(row))}.{verb}",
        subject=f"{_kind(type(row))}:{row.key}",
        before={name: before[name] for name in changed if name in before} or None,
        after=changed,
        reason=act.reason,
    )


def _facts(row: Team | Surface) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in FACTS[type(row)]}
    if "team" in found:
        found["team"] = found["team"].key
    return found | {"archived_at": None if row.archived_at is None else row.archived_at.isoformat()}


def _kind(model: type[Team] | type[Surface]) -> str:
    return model.__name__.lower()
