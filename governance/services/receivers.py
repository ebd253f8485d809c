"""Receivers of news: made, changed, paused, tested, removed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from governance import queries
from governance.models import Delivery, Receiver
from governance.outbound import addresses, events, signing
from governance.outbound.formats import PAGERDUTY, Kind
from governance.outbound.notices import Notice
from governance.services.telling import put
from ledger import audit
from ledger.refusals import Conflict, problem, refuse
from organisation import queries as organisation

LONGEST_NAME = 100
MOST_PATTERNS = 30
SHOWN = 4


@transaction.atomic
def create_receiver(
    *,
    name: str,
    kind: str,
    events: Iterable[str],
    actor: str,
    now: datetime,
    address: str = "",
    secret: str = "",
    surface: str = "",
) -> Receiver:
    """A new receiver. Raises Refused for what cannot be reached or understood, Conflict for a taken name."""
    facts = _checked(name=name, kind=kind, address=address, secret=secret, events=events, surface=surface)
    if Receiver.objects.filter(name=facts["name"]).exists():
        raise Conflict(problem("name", name, "there is a receiver of this name", "Choose another name."))
    made = Receiver.objects.create(created_by=actor, created_at=now, **facts)
    _record("receiver.created", made, actor, now)
    return made


@transaction.atomic
def change_receiver(
    *,
    id: int,
    events: Iterable[str],
    actor: str,
    now: datetime,
    address: str = "",
    secret: str = "",
    surface: str = "",
) -> Receiver:
    """Other events, another address. An empty address or secret stays what it is."""
    row = _locked(id)
    facts = _checked(
        name=row.name,
        kind=row.kind,
        address=address or row.address,
        secret=secret or row.secret,
        events=events,
        surface=surface,
    )
    for field, value in facts.items():
        setattr(row, field, value)
    row.save()
    _record("receiver.changed", row, actor, now)
    return row


@transaction.atomic
def pause_receiver(*, id: int, actor: str, now: datetime) -> Receiver:
    """Nothing new is put down for it until it is resumed; what waits is still sent."""
    row = _locked(id)
    if row.paused_at is None:
        row.paused_at = now
        row.save(update_fields=["paused_at"])
        _record("receiver.paused", row, actor, now)
    return row


@transaction.atomic
def resume_receiver(*, id: int, actor: str, now: datetime) -> Receiver:
    row = _locked(id)
    if row.paused_at is not None:
        row.paused_at = None
        row.save(update_fields=["paused_at"])
        _record("receiver.resumed", row, actor, now)
    return row


@transaction.atomic
def remove_receiver(*, id: int, actor: str, now: datetime) -> Receiver:
    """It hears nothing any more; its log stays."""
    row = _locked(id)
    row.removed_at = now
    row.name = f"{row.name[: LONGEST_NAME - 30]} (removed {now:%Y-%m-%d %H:%M:%S})"
    row.save(update_fields=["removed_at", "name"])
    _record("receiver.removed", row, actor, now)
    return row


@transaction.atomic
def renew_secret(*, id: int, actor: str, now: datetime) -> str:
    """A new signing secret; messages are signed with it from now on."""
    row = _locked(id)
    row.generation += 1
    row.save(update_fields=["generation"])
    _record("receiver.secret_renewed", row, actor, now)
    return signing_secret(row)


def signing_secret(receiver: Receiver) -> str:
    """The secret with which this receiver checks signatures."""
    return signing.secret_for(settings.SECRET_KEY, receiver=str(receiver.id), generation=receiver.generation)


@transaction.atomic
def test_receiver(*, id: int, actor: str, now: datetime) -> Delivery:
    """Send one message that says it is a test."""
    row = _locked(id)
    notice = Notice(
        event=events.TEST,
        subject=f"receiver:{row.id}",
        at=now,
        actor=actor,
        reason="This is a test: nothing happened.",
        address=settings.HEADWAY_WEB_URL,
        ids={},
    )
    made = put(row, notice, fact=f"test:{uuid4()}", now=now)
    _record("receiver.tested", row, actor, now)
    return made


def _checked(
    *, name: str, kind: str, address: str, secret: str, events: Iterable[str], surface: str
) -> dict[str, Any]:
    if kind not in set(Kind):
        raise refuse("kind", kind, "there is no such kind of receiver", f"Kinds are {', '.join(Kind)}.")
    if not name.strip() or len(name) > LONGEST_NAME or any(ord(sign) < ord(" ") for sign in name):
        raise refuse("name", name, f"a name has 1 to {LONGEST_NAME} characters on one line", "Shorten it.")
    if kind == Kind.PAGERDUTY and not secret.strip():
        raise refuse(
            "secret", secret, "PagerDuty needs a routing key", "Copy it from the service's integration."
        )
    return {
        "name": name.strip(),
        "kind": kind,
        "address": _address(kind, address.strip()),
        "secret": secret.strip() if kind == Kind.PAGERDUTY else "",
        "events": _patterns(events),
        "surface": organisation.surface(surface) if surface else None,
    }


def _address(kind: str, address: str) -> str:
    if kind == Kind.MAIL:
        return _mail_addresses(address)
    wanted = address or (PAGERDUTY if kind == Kind.PAGERDUTY else "")
    addresses.target(wanted, allowed=settings.HEADWAY_OUTBOUND_ALLOW)
    return wanted


def _mail_addresses(listed: str) -> str:
    if not settings.EMAIL_HOST:
        fix = "Set HEADWAY_MAIL_URL, for example smtp://user:password@mail.example.com:587."
        raise refuse("kind", Kind.MAIL.value, "this site has no mail server", fix)
    found = [part.strip() for part in listed.split(",") if part.strip()]
    for each in found:
        try:
            validate_email(each)
        except ValidationError:
            fix = "Separate several with commas."
            raise refuse("address", each, "this is no mail address", fix) from None
    if not found:
        raise refuse("address", listed, "there is no mail address", "For example: on-call@example.com.")
    return ", ".join(found)


def _patterns(listed: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(part.strip() for part in listed if part.strip()))
    for each in found:
        if not events.is_pattern(each):
            raise refuse(
                "events", each, "this is no event", "For example: guardrail.* or experiment.decided."
            )
    if not 1 <= len(found) <= MOST_PATTERNS:
        fix = "Choose what it should hear of; * stands for everything."
        raise refuse("events", found, f"a receiver hears of 1 to {MOST_PATTERNS} patterns", fix)
    return found


def _locked(receiver_id: int) -> Receiver:
    queries.receiver(receiver_id)
    return Receiver.objects.select_for_update().get(id=receiver_id)


def masked(receiver: Receiver) -> str:
    """The address without what is secret in it: chat addresses carry their password in the path."""
    if receiver.kind == Kind.MAIL:
        return receiver.address
    scheme, _, rest = receiver.address.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/…{path[-SHOWN:]}" if len(path) > SHOWN else receiver.address


def _record(action: str, row: Receiver, actor: str, now: datetime) -> None:
    facts = {
        "name": row.name,
        "kind": row.kind,
        "address": masked(row),
        "events": row.events,
        "surface": row.surface.key if row.surface else "",
        "generation": row.generation,
    }
    audit.record(now=now, actor=actor, action=action, subject=f"receiver:{row.id}", after=facts)
