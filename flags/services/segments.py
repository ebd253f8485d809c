"""Segments: named audiences with versions in each environment, that rules of several flags refer to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from flags import audiences, definitions, document, opening, queries, review, words
from flags.gates import Subject
from flags.models import Environment, Segment, SegmentVersion
from flags.parts import Parts
from flags.services import asking, environments, reasons
from flags.services.names import check_key, check_text
from ledger import audit
from ledger.refusals import Conflict, problem


@transaction.atomic
def create_segment(*, key: str, actor: str, now: datetime, title: str = "", owner: str = "") -> Segment:
    """A segment without members; `publish_segment` says who belongs to it, in each environment."""
    check_key("key", key)
    title = check_text("title", title, limit=200)
    owner = check_text("owner", owner or actor, limit=150, is_needed=True)
    described = {"title": title, "owner": owner, "created_at": now}
    made, is_new = Segment.objects.get_or_create(key=key, defaults=described)
    if not is_new:
        raise Conflict(problem("key", key, "there is a segment with this key", "Choose another key."))
    after = {"title": title, "owner": owner}
    audit.record(now=now, actor=actor, action="segment.created", subject=f"segment:{key}", after=after)
    return made


@transaction.atomic
def publish_segment(
    *,
    segment: str,
    environment: str,
    when: Mapping[str, Any],
    actor: str,
    now: datetime,
    reason: str = "",
    seen: int | None = None,
) -> SegmentVersion:
    """A new version of who belongs to a segment, in force at once for every flag that refers to it.

    `seen` is the number of the version the editor started from. Raises Refused with everything the SDK
    refuses, Blocked when something objects to one of those flags.
    """
    why = reasons.checked(reason)
    where, found = environments.locked(environment), queries.segment(segment)
    before = queries.segment_versions(found, where).first()
    _raise_if_moved(before, seen)
    document.check_condition(when)
    parts = queries.document_parts(where)
    document.check_segment(parts, segment, when)
    checksum = definitions.checksum(when)
    if before is not None and before.checksum == checksum:
        raise Conflict(problem("when", segment, f"version {before.number} says the same"))
    _check_gates(where, parts, segment, actor, now)
    made = SegmentVersion.objects.create(
        segment=found,
        environment=where,
        number=before.number + 1 if before else 1,
        definition=dict(when),
        checksum=checksum,
        author=actor,
        published_at=now,
        reason=why,
    )
    environments.rebuild(where, now=now)
    _record(made, before, why)
    return made


def _record(made: SegmentVersion, before: SegmentVersion | None, reason: str) -> None:
    audit.record(
        now=made.published_at,
        actor=made.author,
        action="segment.version.published",
        subject=f"segment:{made.segment.key}",
        before=_facts(before) if before else None,
        after=_facts(made),
        reason=reason,
    )


def _facts(version: SegmentVersion) -> dict[str, Any]:
    return {
        "environment": version.environment.key,
        "number": version.number,
        "checksum": version.checksum,
        "words": words.condition(version.definition),
    }


def _raise_if_moved(before: SegmentVersion | None, seen: int | None) -> None:
    if seen is not None and seen != (before.number if before else 0):
        who = f"version {before.number} by {before.author}" if before else "there is no version"
        raise Conflict(
            problem("seen", seen, f"the segment changed meanwhile: {who}", "Reload and edit again.")
        )


def _check_gates(where: Environment, parts: Parts, segment: str, actor: str, now: datetime) -> None:
    """Ask everybody who may object to flags whose rules look at this segment, if only through others."""
    touched = audiences.containing(parts, segment)
    for key, flag in parts.flags.items():
        reach = opening.reach_through(flag.content, touched)
        if reach:
            review.check_segment(where, segment, key)
            subject = Subject(
                now=now,
                actor=actor,
                flag=key,
                environment=where.key,
                is_production=where.is_production,
                coverage_after_ppm=reach,
            )
            asking.check(where, subject)
