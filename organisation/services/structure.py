"""Teams and surfaces: made, changed, archived."""

from datetime import datetime
from typing import Any

from django.db import transaction

from ledger import audit
from ledger.refusals import Conflict, problem, raise_if_any
from organisation import queries
from organisation.models import Surface, Team
from organisation.services.checks import key_problems, owner_problems, text_problems

LONGEST_NAME = 200
LONGEST_CHANNEL = 100
LONGEST_DESCRIPTION = 500


@transaction.atomic
def create_team(
    *, key: str, name: str, owner: str, actor: str, now: datetime, backup: str = "", channel: str = ""
) -> Team:
    """A new team. Raises Refused for what is no key, name or owner, Conflict when the key is taken."""
    raise_if_any([*key_problems(key), *_team_problems(name, owner, backup, channel)])
    _refuse_taken(Team, "team", key)
    made = Team.objects.create(
        key=key, name=name, owner=owner, backup=backup, channel=channel, created_at=now
    )
    _record("team.created", made, {}, actor, now, "")
    return made


@transaction.atomic
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
    queries.team(key)
    raise_if_any(_team_problems(name, owner, backup, channel))
    row = Team.objects.select_for_update().get(key=key)
    before = _facts(row)
    row.name, row.owner, row.backup, row.channel = name, owner, backup, channel
    _save(row, "team.changed", before, actor, now, reason)
    return row


@transaction.atomic
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
    raise_if_any([*key_problems(key), *_surface_problems(name, owner, backup, description)])
    _refuse_taken(Surface, "surface", key)
    made = Surface.objects.create(
        key=key,
        name=name,
        team=queries.team(team),
        owner=owner,
        backup=backup,
        description=description,
        created_at=now,
    )
    _record("surface.created", made, {}, actor, now, "")
    return made


@transaction.atomic
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
    queries.surface(key)
    raise_if_any(_surface_problems(name, owner, backup, description))
    row = Surface.objects.select_for_update(of=("self",)).select_related("team").get(key=key)
    before = _facts(row)
    row.name, row.owner, row.backup, row.description = name, owner, backup, description
    row.team = queries.team(team)
    _save(row, "surface.changed", before, actor, now, reason)
    return row


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
        _save(row, f"{kind}.archived", before, actor, now, reason)


def _team_problems(name: str, owner: str, backup: str, channel: str) -> list[Any]:
    return [
        *text_problems("name", name, limit=LONGEST_NAME, is_needed=True),
        *owner_problems(owner, backup),
        *text_problems("channel", channel, limit=LONGEST_CHANNEL),
    ]


def _surface_problems(name: str, owner: str, backup: str, description: str) -> list[Any]:
    return [
        *text_problems("name", name, limit=LONGEST_NAME, is_needed=True),
        *owner_problems(owner, backup),
        *text_problems("description", description, limit=LONGEST_DESCRIPTION),
    ]


def _refuse_taken(model: type[Team] | type[Surface], kind: str, key: str) -> None:
    if model.objects.filter(key=key).exists():
        raise Conflict(problem("key", key, f"there is a {kind} with this key", "Choose another key."))


def _save(
    row: Team | Surface, action: str, before: dict[str, Any], actor: str, now: datetime, reason: str
) -> None:
    """Store the row with its audit row; a change of nothing leaves no trace."""
    if _facts(row) != before:
        row.save()
        _record(action, row, before, actor, now, reason)


def _record(
    action: str, row: Team | Surface, before: dict[str, Any], actor: str, now: datetime, reason: str
) -> None:
    kind = action.partition(".")[0]
    after = _facts(row)
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    audit.record(
        now=now,
        actor=actor,
        action=action,
        subject=f"{kind}:{row.key}",
        before={name: before[name] for name in changed if name in before} or None,
        after=changed,
        reason=reason,
    )


def _facts(row: Team | Surface) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": row.name, "owner": row.owner, "backup": row.backup}
    facts["archived_at"] = None if row.archived_at is None else row.archived_at.isoformat()
    if isinstance(row, Team):
        return facts | {"channel": row.channel}
    return facts | {"team": row.team.key, "description": row.description}
