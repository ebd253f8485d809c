"""What a provider's signed claims mean here: which account, and which roles its groups bring."""

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction

from config.environment import SingleSignOn
from config.models import Identity
from ledger import audit
from ledger.refusals import Refused, refuse
from organisation import queries, services

if TYPE_CHECKING:
    from django.contrib.auth.models import User

ACTOR = "single sign-on"
NAME = re.compile(r"[\w.@+-]{1,150}")
"""As Django has it: no colon, so that nobody is taken for `key:…`, and no space."""
RESERVED = frozenset({"clock", "digest", "mailer", "operator", "ramp", "reminder", "retention", "schedule"})
"""Under these names Headway itself acts in the audit trail."""
Held = tuple[str, str, str]
"""Role, discipline, environment."""
logger = logging.getLogger(__name__)


@transaction.atomic
def of_claims(claims: Mapping[str, Any], site: SingleSignOn, *, now: datetime) -> "User":
    """The account of this person, made when they first come. Raises Refused in words for them."""
    known = Identity.objects.select_related("user").filter(issuer=site.issuer, subject=str(claims["sub"]))
    identity = known.first()
    account: User = identity.user if identity else _first_time(claims, site, now=now)
    if not account.is_active:
        raise refuse("account", account.username, "your account is closed here", "Ask an administrator.")
    if site.roles:
        _follow_groups(account.username, wanted(claims, site), now=now)
    return account


def wanted(claims: Mapping[str, Any], site: SingleSignOn) -> set[Held]:
    """The roles that this person's groups bring."""
    said = claims.get(site.groups_claim, [])
    groups = {said} if isinstance(said, str) else {str(group) for group in said}
    return {held(role) for group, role in site.roles if group in groups}


def held(role: str) -> Held:
    """`reviewer:performance@production` → its three parts."""
    name, _, environment = role.partition("@")
    name, _, discipline = name.partition(":")
    return name, discipline, environment


def _first_time(claims: Mapping[str, Any], site: SingleSignOn, *, now: datetime) -> "User":
    """A new account, or the one of that name that nobody logs in to by password."""
    name = str(claims.get(site.name_claim) or "")
    if NAME.fullmatch(name) is None or name.lower() in RESERVED:
        why = f"the provider's {site.name_claim!r} is no name that an account here can have"
        raise refuse(site.name_claim, name, why, "Ask an administrator to choose another claim.")
    account = get_user_model().objects.filter(username=name).first() or _made(name, claims, now=now)
    if account.has_usable_password() or Identity.objects.filter(user=account).exists():
        fix = f"An operator links it with: manage.py link_login {name}"
        raise refuse(site.name_claim, name, "there is another account of this name here already", fix)
    Identity.objects.create(issuer=site.issuer, subject=str(claims["sub"]), user=account, at=now)
    audit.record(
        now=now,
        actor=ACTOR,
        action="login.linked",
        subject=f"login:{name}",
        after={"issuer": site.issuer, "subject": str(claims["sub"])},
    )
    return account


def _made(name: str, claims: Mapping[str, Any], *, now: datetime) -> Any:
    address = str(claims.get("email") or "") if claims.get("email_verified", True) else ""
    account = get_user_model().objects.create_user(name, email=address)
    audit.record(now=now, actor=ACTOR, action="login.created", subject=f"login:{name}", after={"by": ACTOR})
    return account


def _follow_groups(name: str, roles: set[Held], *, now: datetime) -> None:
    """Give and take back what the groups bring; roles that people gave stay."""
    mine = {(row.role, row.discipline, row.environment): row for row in queries.grants(name)}
    for role, discipline, environment in sorted(roles - set(mine)):
        facts = {"role": role, "discipline": discipline, "environment": environment}
        _try(lambda facts=facts: services.grant(user=name, **facts, actor=ACTOR, now=now))
    for key, row in mine.items():
        if row.granted_by == ACTOR and key not in roles:
            _try(lambda row=row: services.revoke(id=row.id, actor=ACTOR, now=now))


def _try(change: Any) -> None:
    """What a role stands in the way of is for an administrator to see, not for whoever logs in."""
    try:
        change()
    except Refused as refused:
        logger.warning("single sign-on: %s", refused)
