"""Environments, and the configuration document each of them serves."""

import gzip
import hashlib
import json
from datetime import datetime

from django.db import transaction

from flags import document, queries
from flags.models import ConfigDocument, Environment
from flags.services.names import check_key
from ledger import audit
from ledger.refusals import Conflict, problem


@transaction.atomic
def create_environment(*, key: str, actor: str, now: datetime, is_production: bool = False) -> Environment:
    """An environment with an empty document, so that SDKs can connect at once."""
    check_key("environment", key)
    described = {"is_production": is_production, "created_at": now}
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
        after={"is_production": is_production},
    )
    return made


def locked(key: str) -> Environment:
    """The environment, locked: changes of what it serves happen one after the other. Raises NotFound.

    The lock leaves the key alone: foreign keys are checked at the commit, when the audit's lock is held, and
    must not have to wait for somebody who waits for that.
    """
    queries.environment(key)
    return Environment.objects.select_for_update(no_key=True).get(key=key)


def lock_environment(*, environment: str) -> None:
    """Make other changes of what the environment serves wait for this transaction.

    Whoever changes a flag and something else in one transaction calls this first: the audit chain's lock
    comes after it everywhere, and two orders of two locks would let two changes wait for each other.
    """
    list(Environment.objects.select_for_update(no_key=True).filter(key=environment).values_list("id"))


def rebuild(environment: Environment, *, now: datetime) -> ConfigDocument:
    """Build the document from what is in force. The caller holds the environment's lock.

    The version grows by one even when nothing changed, so that it orders every document ever served.
    """
    previous = (
        ConfigDocument.objects.filter(environment=environment).values_list("version", flat=True).first()
    )
    version = (previous or 0) + 1
    content = document.build(queries.document_parts(environment), version=version, built_at=now)
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    built, _ = ConfigDocument.objects.update_or_create(
        environment=environment,
        defaults={
            "version": version,
            "etag": f'"{environment.key}-{version}-{hashlib.sha256(body).hexdigest()[:16]}"',
            "body": body,
            "body_gzip": gzip.compress(body, compresslevel=6, mtime=0),
            "built_at": now,
        },
    )
    return built
