"""Drafts and versions of a flag in one environment: save, publish, discard, revert.

`put_live` is the only way a version comes into force: it checks what the SDK would accept, asks the gates,
supersedes the version before, rebuilds the document and writes the audit row, all in one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from flags import changes, definitions, document, opening, queries, review, schemas
from flags.gates import Subject
from flags.models import Environment, Flag, FlagVersion, VersionState
from flags.services import asking, environments, reasons, salts, together
from ledger import audit
from ledger.refusals import Conflict, problem, raise_if_any


@dataclass(frozen=True, slots=True)
class Act:
    """Who does it, when and why. `experiment` is set when an experiment asked for the change.

    `approved_by` is who reviewed it, where the environment requires a review.
    """

    actor: str
    now: datetime
    reason: str = ""
    experiment: str = ""
    approved_by: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A flag in a locked environment, with the version in force."""

    flag: Flag
    environment: Environment
    live: FlagVersion | None

    @property
    def subject(self) -> str:
        return f"flag:{self.flag.key}"


def place(flag: str, environment: str) -> Place:
    """Lock the environment and read what is in force. Raises NotFound, or Conflict for an archived flag."""
    where = environments.locked(environment)
    found = queries.flag(flag)
    if found.is_archived:
        why = "this flag is archived"
        raise Conflict(problem("flag", flag, why, "Take it out of the archive first."))
    return Place(found, where, queries.live_version(found, where))


@transaction.atomic
def save_draft(
    *,
    flag: str,
    environment: str,
    definition: Mapping[str, Any],
    actor: str,
    now: datetime,
    seen: str | None = None,
) -> FlagVersion:
    """Keep a definition as the draft, on top of what is live now. Missing salts are drawn.

    `seen` is the checksum of what the editor started from (the draft, otherwise the live version); when
    somebody changed it since, Conflict says who and when. Raises Refused with everything the SDK refuses.
    """
    where = place(flag, environment)
    draft = queries.draft(where.flag, where.environment)
    _raise_if_in_review(draft)
    _raise_if_stale(draft or where.live, seen)
    complete = prepared(where, definition, now)
    _raise_if_it_takes_from_experiments(where, complete)
    before = draft.checksum if draft else None
    saved = _store_draft(where, draft, complete, actor, now)
    audit.record(
        now=now,
        actor=actor,
        action="flag.draft.saved",
        subject=where.subject,
        before={"environment": environment, "checksum": before},
        after={"environment": environment, "number": saved.number, "checksum": saved.checksum},
    )
    return saved


@transaction.atomic
def publish(
    *,
    flag: str,
    environment: str,
    version: int,
    actor: str,
    now: datetime,
    reason: str = "",
    seen: str | None = None,
) -> FlagVersion:
    """Put a draft or an approved version in force. `seen` is the checksum of what was looked at.

    Raises Conflict when it is neither, was edited since, or began before the version that is live; Blocked
    when the environment wants a review that did not happen, or something else objects.
    """
    where = place(flag, environment)
    draft = queries.version(where.flag, where.environment, version)
    if draft.state not in {VersionState.DRAFT, VersionState.APPROVED}:
        raise Conflict(problem("version", version, f"this version is {_state_words(draft)}", _next(draft)))
    _raise_if_stale(draft, seen)
    _raise_if_overtaken(draft, where.live)
    together.check(where.environment, flag, draft.definition)
    reviewer = draft.reviewed_by if draft.state == VersionState.APPROVED else ""
    return put_live(where, draft, Act(actor, now, reasons.checked(reason), approved_by=reviewer))


@transaction.atomic
def discard_draft(*, flag: str, environment: str, actor: str, now: datetime, reason: str = "") -> FlagVersion:
    """Drop the draft; its number is not used again."""
    where = place(flag, environment)
    draft = queries.draft(where.flag, where.environment)
    if draft is None:
        raise Conflict(problem("draft", flag, f"there is no draft in {environment}"))
    draft.state = VersionState.DISCARDED
    draft.save(update_fields=["state"])
    audit.record(
        now=now,
        actor=actor,
        action="flag.draft.discarded",
        subject=where.subject,
        before={"environment": environment, "number": draft.number, "checksum": draft.checksum},
        reason=reasons.checked(reason),
    )
    return draft


@transaction.atomic
def revert(
    *,
    flag: str,
    environment: str,
    version: int,
    actor: str,
    now: datetime,
    reason: str = "",
    seen: int | None = None,
) -> FlagVersion:
    """Put an earlier version's definition in force again, as a new version.

    `seen` is the number of the version that was live when the page was read.
    """
    where = place(flag, environment)
    raise_if_moved(where, seen)
    earlier = queries.version(where.flag, where.environment, version)
    if earlier.published_at is None:
        raise Conflict(problem("version", version, "this version was never live", "Publish it instead."))
    if where.live is not None and earlier.checksum == where.live.checksum:
        raise Conflict(problem("version", version, f"version {where.live.number} is live and says the same"))
    act = Act(actor, now, reasons.checked(reason) or f"revert to version {version}")
    return change_live(where, earlier.definition, act)


@transaction.atomic
def checked_definition(
    *, flag: str, environment: str, definition: Mapping[str, Any], actor: str, now: datetime
) -> dict[str, Any]:
    """The definition as `save_draft` would keep it, or everything it would refuse. Nothing is kept."""
    complete = prepared(where := place(flag, environment), definition, now)
    _raise_if_it_takes_from_experiments(where, complete)
    transaction.set_rollback(True)
    return complete


def change_live(where: Place, definition: Mapping[str, Any], act: Act) -> FlagVersion:
    """Put a definition in force without a draft; a draft that somebody is writing stays, and falls behind."""
    complete = prepared(where, definition, act.now)
    fresh = FlagVersion(
        flag=where.flag,
        environment=where.environment,
        number=_next_number(where),
        definition=complete,
        checksum=definitions.checksum(complete),
        parent=where.live,
        author=act.actor,
        edited_at=act.now,
    )
    return put_live(where, fresh, act)


def put_live(where: Place, version: FlagVersion, act: Act) -> FlagVersion:
    """Bring a checked version into force."""
    before = where.live.definition if where.live else None
    if not act.experiment:
        _raise_if_it_takes_from_experiments(where, version.definition)
    check_gates(where, version.definition, act)
    if where.live is not None:
        where.live.state = VersionState.SUPERSEDED
        where.live.save(update_fields=["state"])
    version.state = VersionState.PUBLISHED
    version.published_by, version.published_at, version.reason = act.actor, act.now, act.reason
    version.reviewed_by = "" if act.approved_by == version.author else act.approved_by
    version.save()
    document_version = environments.rebuild(where.environment, now=act.now, flags=(where.flag.key,))
    audit.record(
        now=act.now,
        actor=act.actor,
        action="flag.version.published",
        subject=where.subject,
        before=_described(where, where.live),
        after={
            **_described(where, version),
            "document": document_version,
            "changes": [change.words for change in changes.between(before, version.definition)],
        },
        reason=act.reason,
    )
    return version


def check_gates(where: Place, definition: Mapping[str, Any], act: Act) -> None:
    """Ask everybody who may object. What only closes the flag is never held up: it is how harm is stopped."""
    before = where.live.definition if where.live else None
    if before is not None and opening.only_closes(before, definition):
        return
    review.check(where.environment, before, definition, is_excused=bool(act.experiment or act.approved_by))
    coverage_before, coverage_after = opening.coverage_change(before, definition)
    if before is None:
        coverage_after = max(coverage_after, _first_reach_ppm(where, definition))
    subject = Subject(
        now=act.now,
        actor=act.actor,
        flag=where.flag.key,
        environment=where.environment.key,
        experiment=act.experiment,
        is_production=where.environment.is_production,
        coverage_before_ppm=coverage_before,
        coverage_after_ppm=coverage_after,
        values=definition["variants"],
    )
    asking.check(where.environment, subject)


def _first_reach_ppm(where: Place, definition: Mapping[str, Any]) -> int:
    """How far a first version opens the flag, by what other environments with real users give everybody."""
    others = queries.live_versions_of(where.flag).filter(environment__is_production=True)
    elsewhere = others.exclude(environment=where.environment).values_list("definition", flat=True)
    return opening.first_reach_ppm(definition, elsewhere)


def prepared(where: Place, definition: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The definition with salts, registered, and accepted by the SDK. Raises Refused."""
    value_type, unit_type = where.flag.value_type, where.flag.unit_type
    document.check_shape(definition, value_type, unit_type)
    complete = definitions.complete(
        {"type": value_type, "unit_type": unit_type, **definition},
        lambda: salts.draw_salt(subject=where.subject, now=now).value,
    )
    for field, value in definitions.salts(complete):
        salts.adopt_salt(value=value, subject=where.subject, field=field, now=now)
    together.check(where.environment, where.flag.key, complete)
    _check_values(where, complete["variants"])
    return complete


def _check_values(where: Place, variants: Mapping[str, Any]) -> None:
    """Values have to fit the flag's schema. Those that are live are let be: a kill switch never waits."""
    live = where.live.definition["variants"] if where.live else {}
    fresh = {name: value for name, value in variants.items() if not definitions.same(live.get(name), value)}
    raise_if_any(schemas.of_variants(where.flag.json_schema, fresh))


def _raise_if_it_takes_from_experiments(where: Place, definition: Mapping[str, Any]) -> None:
    before = where.live.definition if where.live else {"rules": [], "prerequisites": []}
    found = tuple(definitions.takes_from_experiments(before, definition))
    if found:
        raise Conflict(*found)


def raise_if_moved(where: Place, seen: int | None) -> None:
    """Refuse a change that was decided while looking at another live version."""
    live = where.live
    if seen is None or (live is not None and live.number == seen):
        return
    now_live = _whose(live) if live else "there is no live version any more"
    raise Conflict(problem("seen", seen, f"the flag changed meanwhile: {now_live}", "Reload and look again."))


def _raise_if_stale(current: FlagVersion | None, seen: str | None) -> None:
    if seen is None or current is None or current.checksum == seen:
        return
    why = f"somebody changed it meanwhile: {_whose(current)}"
    raise Conflict(problem("seen", seen[:12], why, "Reload, look at the change and edit again."))


def _raise_if_overtaken(draft: FlagVersion, live: FlagVersion | None) -> None:
    if live is None or draft.parent_id == live.id:
        return
    why = f"the draft began before this went live: {_whose(live)}"
    raise Conflict(problem("version", draft.number, why, "Look at the difference and save the draft again."))


def _raise_if_in_review(draft: FlagVersion | None) -> None:
    if draft is not None and not draft.is_draft:
        fix = "Withdraw it first; what was reviewed must be what is published."
        raise Conflict(problem("draft", draft.number, f"this version is {_state_words(draft)}", fix))


def _state_words(version: FlagVersion) -> str:
    return str(version.state).replace("_", " ")


def _next(version: FlagVersion) -> str:
    return "Somebody else has to approve it first." if version.is_open else "Write a new draft."


def _whose(version: FlagVersion) -> str:
    verb = "draft" if version.is_draft else "version"
    who, when = (
        (version.author, version.edited_at)
        if version.is_draft or version.published_at is None
        else (version.published_by, version.published_at)
    )
    return f"{verb} {version.number} by {who} at {when:%Y-%m-%d %H:%M:%S} UTC"


def _store_draft(
    where: Place, draft: FlagVersion | None, definition: dict[str, Any], actor: str, now: datetime
) -> FlagVersion:
    """Write the draft row. A draft that was overtaken gets a new number, so that numbers grow with time."""
    row = draft or FlagVersion(flag=where.flag, environment=where.environment)
    if draft is None or (where.live is not None and draft.number < where.live.number):
        row.number = _next_number(where)
    row.definition, row.checksum = definition, definitions.checksum(definition)
    row.parent, row.author, row.edited_at = where.live, actor, now
    row.save()
    return row


def _next_number(where: Place) -> int:
    known = FlagVersion.objects.filter(flag=where.flag, environment=where.environment)
    return (known.aggregate(last=Max("number"))["last"] or 0) + 1


def _described(where: Place, version: FlagVersion | None) -> dict[str, Any]:
    return {
        "environment": where.environment.key,
        "number": version.number if version else None,
        "checksum": version.checksum if version else None,
    }
