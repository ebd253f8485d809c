"""SDK keys: made, rotated, revoked. The whole key is returned once and never stored."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from flags import keys, queries
from flags.models import SdkKey
from ledger import audit
from ledger.refusals import Conflict, problem, refuse

HISTORY_SCOPES = ("server", "ingest")
DEFAULT_OVERLAP_HOURS = 24
MAX_OVERLAP_HOURS = 720
USE_NOTED_EVERY = timedelta(minutes=1)


@transaction.atomic
def create_key(
    *,
    environment: str,
    name: str,
    scope: str,
    actor: str,
    now: datetime,
    accepts_history: bool = False,
) -> tuple[SdkKey, str]:
    """A new key and its text, which is shown once.

    `accepts_history` lets the key send events older than seven days, for imports.
    """
    _check(name, scope, accepts_history)
    return _mint(
        SdkKey(
            environment=queries.environment(environment),
            name=name,
            scope=scope,
            accepts_history=accepts_history,
            created_by=actor,
            created_at=now,
        ),
        action="key.created",
    )


@transaction.atomic
def rotate_key(
    *, prefix: str, actor: str, now: datetime, overlap_hours: int = DEFAULT_OVERLAP_HOURS
) -> tuple[SdkKey, str]:
    """A successor with the same name and rights; the old key works for `overlap_hours` longer."""
    if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
        fix = f"Give 0 to {MAX_OVERLAP_HOURS} hours."
        raise refuse("overlap_hours", overlap_hours, "the old key cannot work for this long", fix)
    overlap = timedelta(hours=overlap_hours)
    old = _locked_live(prefix, now)
    if SdkKey.objects.filter(replaces=old).exists():
        why = "this key has been rotated already"
        raise Conflict(problem("key", prefix, why, "Rotate its successor instead."))
    old.expires_at = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
    old.save(update_fields=["expires_at"])
    return _mint(
        SdkKey(
            environment=old.environment,
            name=old.name,
            scope=old.scope,
            accepts_history=old.accepts_history,
            created_by=actor,
            created_at=now,
            replaces=old,
        ),
        action="key.rotated",
    )


@transaction.atomic
def revoke_key(*, prefix: str, actor: str, now: datetime, reason: str = "") -> SdkKey:
    """The key stops working: at once here, within five seconds at the edge."""
    key = _locked_live(prefix, now)
    key.revoked_at = now
    key.save(update_fields=["revoked_at"])
    audit.record(
        now=now,
        actor=actor,
        action="key.revoked",
        subject=f"key:{prefix}",
        before=describe(key),
        reason=reason,
    )
    return key


def signing_key(*, environment: str) -> str:
    """What SDKs check the signature of the environment's configuration with. Raises NotFound."""
    return keys.signing_key(queries.environment(environment).key, settings.SECRET_KEY)


def note_use(*, key: SdkKey, now: datetime) -> None:
    """Remember that the key is in use, at most once a minute."""
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
    SdkKey.objects.filter(stale, id=key.id).update(last_used_at=now)


def describe(key: SdkKey) -> dict[str, object]:
    """What the audit keeps of a key."""
    return {
        "environment": key.environment.key,
        "name": key.name,
        "prefix": key.prefix,
        "scope": key.scope,
        "accepts_history": key.accepts_history,
        "replaces": key.replaces.prefix if key.replaces else None,
    }


def _check(name: str, scope: str, accepts_history: bool) -> None:
    if not name.strip() or len(name) > 100:
        raise refuse("name", name, "a key needs a name of 1 to 100 characters", "Say who will use it.")
    if scope not in keys.SCOPES:
        raise refuse("scope", scope, "this is not a scope", f"Possible are: {', '.join(keys.SCOPES)}.")
    if accepts_history and scope not in HISTORY_SCOPES:
        fix = f"Possible are: {', '.join(HISTORY_SCOPES)}."
        raise refuse("accepts_history", True, f"a key with scope {scope} sends no events of the past", fix)


def _mint(key: SdkKey, *, action: str) -> tuple[SdkKey, str]:
    minted = keys.mint(key.scope)
    key.prefix, key.digest = minted.prefix, keys.digest(minted.secret, settings.SECRET_KEY)
    key.save(force_insert=True)
    audit.record(
        now=key.created_at,
        actor=key.created_by,
        action=action,
        subject=f"key:{key.prefix}",
        after=describe(key),
    )
    return key, minted.secret


def _locked_live(prefix: str, now: datetime) -> SdkKey:
    """The key, locked. Raises NotFound, or Conflict when it does not work any more."""
    queries.sdk_key(prefix)
    key = SdkKey.objects.select_for_update(of=["self"], no_key=True).get(prefix=prefix)
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        raise Conflict(problem("key", prefix, "this key is revoked or expired", "Make a new key."))
    return key
