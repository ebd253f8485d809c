"""Reads of teams, surfaces, roles and people."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.urls import reverse

from ledger.refusals import NotFound, problem
from organisation import ownership
from organisation.models import RoleGrant, Surface, Team
from organisation.roles import RIGHTS, Discipline, Grant, Right, Role, may, may_sign

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

User = get_user_model()

AWAY_AFTER = timedelta(days=90)
"""Who has not logged in for this long is taken for gone."""


def teams(*, archived: bool = False) -> QuerySet[Team]:
    return Team.objects.filter(archived_at__isnull=not archived)


def team(key: str) -> Team:
    """The team, or NotFound."""
    found = Team.objects.filter(key=key).first()
    if found is None:
        raise NotFound(
            problem("team", key, "there is no team with this key", "Teams are listed on the page Teams.")
        )
    return found


def surfaces(*, archived: bool = False) -> QuerySet[Surface]:
    return Surface.objects.filter(archived_at__isnull=not archived).select_related("team")


def surface(key: str) -> Surface:
    """The surface, or NotFound."""
    found = Surface.objects.select_related("team").filter(key=key).first()
    if found is None:
        fix = "Surfaces are listed on the page Surfaces."
        raise NotFound(problem("surface", key, "there is no surface with this key", fix))
    return found


def grants(user: str = "") -> QuerySet[RoleGrant]:
    """Roles held now, of one person or of everybody."""
    held = RoleGrant.objects.filter(revoked_at__isnull=True)
    return held.filter(user=user) if user else held


def roles_hold() -> bool:
    """Whether anybody was given a role yet; until then everybody may do everything."""
    return grants().exists()


def held_by(user: str) -> list[Grant]:
    """The roles of one person, with `admin` for superusers."""
    held = [_grant(row) for row in grants(user)]
    people = User.objects.filter(username=user, is_active=True, is_superuser=True)
    return [Grant(Role.ADMIN), *held] if people.exists() else held


def is_allowed(user: str, right: Right, environment: str = "") -> bool:
    """Whether the person may do this there."""
    return not roles_hold() or may(held_by(user), right, environment)


def is_allowed_somewhere(user: str, right: Right) -> bool:
    """Whether the person may do this in one environment at least."""
    return not roles_hold() or any(right in RIGHTS[grant.role] for grant in held_by(user))


def may_answer_for(user: str, discipline: Discipline, environment: str = "") -> bool:
    """Whether the person may sign for the discipline there; on a site without roles everybody may. What
    concerns every environment needs a reviewer of every one."""
    return not roles_hold() or may_sign(held_by(user), discipline, environment)


def reviewers(discipline: Discipline, environment: str = "") -> list[str]:
    """Who may sign for the discipline and can log in, by name: there, or anywhere when none is named."""
    held = grants().filter(role=Role.REVIEWER, discipline=discipline)
    if environment:
        held = held.filter(environment__in=("", environment))
    here = people().filter(username__in=held.values("user"))
    return list(here.values_list("username", flat=True))


def signers(discipline: Discipline, environment: str) -> list[str]:
    """Who may sign there and can log in, by name: everybody on a site without roles."""
    if roles_hold():
        return reviewers(discipline, environment)
    return list(people().values_list("username", flat=True))


def reviewers_by_place(discipline: Discipline) -> dict[str, list[str]]:
    """Who may sign for the discipline and can log in, each with the environments; empty for all of them."""
    held = grants().filter(role=Role.REVIEWER, discipline=discipline)
    here = held.filter(user__in=people().values("username")).order_by("user", "environment")
    found: dict[str, list[str]] = {}
    for row in here:
        found.setdefault(row.user, []).append(row.environment)
    return {user: [] if "" in places else places for user, places in found.items()}


def mail_address(user: str) -> str:
    """Where mail reaches the person; empty when none is known."""
    found = User.objects.filter(username=user, is_active=True).first()
    return "" if found is None else str(getattr(found, "email", ""))


def people() -> "QuerySet[AbstractUser]":
    """Everybody who can log in, by name."""
    return User.objects.filter(is_active=True).order_by("username")


def away(*, now: datetime) -> set[str]:
    """Names of people who were deactivated or have not been here for 90 days."""
    before = now - AWAY_AFTER
    absent = Q(last_login__lt=before) | Q(last_login__isnull=True, date_joined__lt=before)
    gone = User.objects.filter(Q(is_active=False) | absent)
    return set(gone.values_list("username", flat=True))


def orphans(*, now: datetime) -> list[tuple[ownership.Owned, str]]:
    """Things that nobody answers for, whatever app they belong to, with what is wrong with the owner."""
    gone, known = away(now=now), set(User.objects.values_list("username", flat=True))
    found = ((thing, _absence(thing.owner, gone, known)) for thing in ownership.everything())
    return [(thing, why) for thing, why in found if why]


def _absence(owner: str, gone: set[str], known: set[str]) -> str:
    """Why the owner does not answer; empty when they do. A name without an account gets no mail."""
    if not owner:
        return "has no owner"
    if owner not in known:
        return f"{owner} has no account"
    return f"{owner} is away" if owner in gone else ""


def owned_teams() -> list[ownership.Owned]:
    return [_owned("team", row) for row in teams()]


def owned_surfaces() -> list[ownership.Owned]:
    return [_owned("surface", row) for row in surfaces()]


def _owned(kind: str, row: Team | Surface) -> ownership.Owned:
    address = reverse(kind, kwargs={"key": row.key})
    return ownership.Owned(kind, row.key, row.name, row.owner, row.backup, address)


def _grant(row: RoleGrant) -> Grant:
    discipline = Discipline(row.discipline) if row.discipline else None
    return Grant(Role(row.role), row.environment, discipline)
