"""Roles: given and taken back."""

from datetime import datetime

from django.contrib.auth import get_user_model
from django.db import transaction

from ledger import audit
from ledger.refusals import Conflict, NotFound, problem, refuse
from organisation import queries
from organisation.models import RoleGrant
from organisation.roles import Discipline, Grant, Right, Role, may


@transaction.atomic
def grant(
    *, user: str, role: str, actor: str, now: datetime, discipline: str = "", environment: str = ""
) -> RoleGrant:
    """Give somebody a role. The first one that is given on a site has to leave it an admin.

    Raises Refused for an unknown user, role or discipline, Conflict when the person holds the role already.
    """
    _check(user, role, discipline)
    _keep_an_admin(after=[*_held(), (user, Grant(Role(role), environment))])
    if queries.grants(user).filter(role=role, discipline=discipline, environment=environment).exists():
        raise Conflict(problem("role", role, f"{user} holds this role already", "Nothing is to be done."))
    made = RoleGrant.objects.create(
        user=user,
        role=role,
        discipline=discipline,
        environment=environment,
        granted_by=actor,
        granted_at=now,
    )
    _record("role.granted", made, actor, now)
    return made


@transaction.atomic
def revoke(*, id: int, actor: str, now: datetime) -> RoleGrant:
    """Take a role back. The last admin stays one as long as others hold roles."""
    row = RoleGrant.objects.select_for_update().filter(id=id, revoked_at__isnull=True).first()
    if row is None:
        raise NotFound(problem("id", id, "nobody holds this role", "Roles are listed on the page Roles."))
    _keep_an_admin(after=[(held.user, _as_grant(held)) for held in queries.grants().exclude(id=row.id)])
    row.revoked_by, row.revoked_at = actor, now
    row.save(update_fields=["revoked_by", "revoked_at"])
    _record("role.revoked", row, actor, now)
    return row


def _check(user: str, role: str, discipline: str) -> None:
    if not get_user_model().objects.filter(username=user, is_active=True).exists():
        raise refuse("user", user, "nobody of this name can log in", "Make the account first.")
    if role not in set(Role):
        raise refuse("role", role, "there is no such role", f"Roles are {', '.join(Role)}.")
    if role == Role.REVIEWER and discipline not in set(Discipline):
        fix = f"Disciplines are {', '.join(Discipline)}."
        raise refuse("discipline", discipline, "a reviewer answers for one discipline", fix)
    if role != Role.REVIEWER and discipline:
        raise refuse("discipline", discipline, f"the role {role} has no discipline", "Leave it empty.")


def _held() -> list[tuple[str, Grant]]:
    return [(row.user, _as_grant(row)) for row in queries.grants()]


def _as_grant(row: RoleGrant) -> Grant:
    return Grant(Role(row.role), row.environment)


def _keep_an_admin(*, after: list[tuple[str, Grant]]) -> None:
    """Raise Conflict when the grants would lock everybody out of giving roles."""
    superusers = get_user_model().objects.filter(is_active=True, is_superuser=True)
    if after and not superusers.exists() and not any(may([held], Right.ADMINISTER) for _, held in after):
        why = "nobody could give roles any more"
        raise Conflict(
            problem("role", "admin", why, "Give somebody the role admin for all environments first.")
        )


def _record(action: str, row: RoleGrant, actor: str, now: datetime) -> None:
    facts = {"role": row.role, "discipline": row.discipline, "environment": row.environment}
    audit.record(now=now, actor=actor, action=action, subject=f"person:{row.user}", after=facts)
