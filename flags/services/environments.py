"""Environments, and the configuration document each of them serves."""

import gzip
import hashlib
from datetime import datetime
from typing import Any

import brotli
from django.db import transaction

from flags import delivery_queries, document, notices, queries
from flags.models import ConfigDocument, Environment
from flags.notices import Notice
from flags.services import announcing, reasons, together
from flags.services.names import check_key
from flags.services.together import Together
from ledger import audit
from ledger.refusals import Conflict, problem

BROTLI_QUALITY = 5
"""Smaller than gzip at its best, in less time; the last steps of quality cost a hundred times as much."""


@transaction.atomic
def create_environment(
    *, key: str, actor: str, now: datetime, is_production: bool = False, requires_review: bool = False
) -> Environment:
    """An environment with an empty document, so that SDKs can connect at once."""
    check_key("environment", key)
    described = {"is_production": is_production, "requires_review": requires_review, "created_at": now}
    made, is_new = Environment.objects.get_or_create(key=key, defaults=described)
    if not is_new:
        why = "there is an environment with this key"
        raise Conflict(problem("environment", key, why, "Choose another."))
    rebuild(made, now=now)
    audit.record(
        now=now,
        actor=actor,
        action="environment.created",
        subject=f"environment:{key}",
        after={"is_production": is_production, "requires_review": requires_review},
    )
    return made


@transaction.atomic
def require_review(
    *, environment: str, is_required: bool, actor: str, now: datetime, reason: str
) -> Environment:
    """From now on what opens a flag here needs the approval of a second person, or needs none any more."""
    why = reasons.checked(reason, needed="changing who has to approve")
    where = locked(environment)
    if where.requires_review is is_required:
        said = "a review already" if is_required else "no review"
        raise Conflict(problem("requires_review", is_required, f"{environment} requires {said}"))
    where.requires_review = is_required
    where.save(update_fields=["requires_review"])
    audit.record(
        now=now,
        actor=actor,
        action="environment.review.required" if is_required else "environment.review.lifted",
        subject=f"environment:{environment}",
        before={"requires_review": not is_required},
        after={"requires_review": is_required},
        reason=why,
    )
    return where


def locked(key: str) -> Environment:
    """The environment, locked: changes of what it serves happen one after the other. Raises NotFound.

    The lock leaves the key alone: foreign keys are checked at the commit, when the audit's lock is held, and
    must not have to wait for somebody who waits for that.
    """
    queries.environment(key)
    return Environment.objects.select_for_update(no_key=True).get(key=key)


def all_locked() -> list[Environment]:
    """Every environment, locked in one order so that two such changes never wait for each other."""
    return list(Environment.objects.select_for_update(no_key=True).order_by("id"))


def lock_environment(*, environment: str) -> None:
    """Make other changes of what the environment serves wait for this transaction.

    Whoever changes a flag and something else in one transaction calls this first: the audit chain's lock
    comes after it everywhere, and two orders of two locks would let two changes wait for each other.
    """
    list(Environment.objects.select_for_update(no_key=True).filter(key=environment).values_list("id"))


def rebuild(environment: Environment, *, now: datetime, flags: tuple[str, ...] = ()) -> int:
    """Build the document from what is in force, and announce it. The caller holds the environment's lock.

    The version, which is returned, grows by one even when nothing changed, so that it orders every document
    ever served. `flags` are the only ones whose entries differ from the document before; without them SDKs
    fetch the whole. Changes that are made together get one document, when all have been made.
    """
    previous = _previous(environment)
    version = (previous.version if previous else 0) + 1
    several = together.current()
    if several is not None:
        return several.note(environment, version, flags)
    content = document.build(queries.document_parts(environment), version=version, built_at=now)
    body = document.written(content)
    built, _ = ConfigDocument.objects.update_or_create(
        environment=environment,
        defaults={
            "version": version,
            "etag": f'"{environment.key}-{version}-{hashlib.sha256(body).hexdigest()[:16]}"',
            "body": body,
            "body_gzip": gzip.compress(body, compresslevel=6, mtime=0),
            "body_brotli": brotli.compress(body, mode=brotli.MODE_TEXT, quality=BROTLI_QUALITY),
            "shared_digest": document.shared_digest(content),
            "client_flags": delivery_queries.client_side_flags(content["flags"]),
            "built_at": now,
        },
    )
    announcing.announce(_notice(previous, built, content, flags))
    return version


def build_waiting(several: Together, *, now: datetime) -> None:
    """Build the documents of changes that were made together. Raises Refused for one that SDKs refuse."""
    for waiting in several.waiting.values():
        document.check_whole(queries.document_parts(waiting.environment))
        rebuild(waiting.environment, now=now, flags=waiting.told())


def rebuild_all(*, now: datetime) -> None:
    """Build every document anew, for a change that several environments feel."""
    for environment in Environment.objects.select_for_update(no_key=True).order_by("id"):
        rebuild(environment, now=now)


def _previous(environment: Environment) -> ConfigDocument | None:
    """The document as it is, without its bodies."""
    known = ConfigDocument.objects.filter(environment=environment)
    return known.only("id", "version", "etag", "shared_digest").first()


def _notice(
    previous: ConfigDocument | None, built: ConfigDocument, content: dict[str, Any], flags: tuple[str, ...]
) -> Notice:
    """The change in full when it is one of flags only."""
    if previous is None or not flags or previous.shared_digest != built.shared_digest:
        return Notice(built.environment_id, built.version, built.etag)
    return notices.between(
        previous.etag, content, flags, environment_id=built.environment_id, etag=built.etag
    )
