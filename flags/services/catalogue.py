"""Flags themselves: made, described, put into the archive and taken out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.db import transaction

from flags import definitions, document, queries, schemas
from flags.models import OPEN_VERSIONS, Environment, Flag, FlagVersion, Kind, ValueType
from flags.services import environments, reasons, together, versions
from flags.services.names import check_key, check_text
from flags.services.versions import Act, Place
from ledger import audit
from ledger.refusals import Conflict, problem, refuse
from organisation import queries as organisation_queries

RESERVED = {
    "new",
    "code",
    "filters",
    "holdouts",
    "import",
    "keys",
    "environments",
    "layers",
    "segments",
    "ramps",
    "scheduled",
}
EDITABLE = ("title", "owner", "backup", "team", "kind", "expires_on", "is_client_side", "json_schema")


@transaction.atomic
def create_flag(
    *,
    key: str,
    value_type: str,
    actor: str,
    now: datetime,
    title: str = "",
    owner: str = "",
    kind: str = Kind.RELEASE,
    unit_type: str = "user",
    expires_on: date | None = None,
    is_client_side: bool = False,
    backup: str = "",
    team: str = "",
    json_schema: Mapping[str, Any] | None = None,
    variants: Mapping[str, Any] | None = None,
    default: str | None = None,
    in_environments: Sequence[str] | None = None,
    reason: str = "",
) -> Flag:
    """A flag that serves its default to everybody, in all environments unless some are named.

    Without `variants` it gets the usual ones of its type; without `default` the variant "off", or the first.
    `is_client_side` lets keys of scope client, which anybody can read in a page, ask for its value.
    """
    places = _locked_places(in_environments)
    _check_new(key, value_type, unit_type)
    named = {"title": title, "owner": owner or actor, "kind": kind, "expires_on": expires_on}
    more = {"is_client_side": is_client_side, "backup": backup, "team": team, "json_schema": json_schema}
    content = _described({**named, **more})
    _check_together(content["owner"], content["backup"], value_type, content["json_schema"])
    identity = {"value_type": value_type, "unit_type": unit_type, "created_at": now}
    flag, is_new = Flag.objects.get_or_create(key=key, defaults={**identity, **content})
    if not is_new:
        raise Conflict(problem("key", key, "there is a flag with this key", "Choose another key."))
    audit.record(
        now=now,
        actor=actor,
        action="flag.created",
        subject=f"flag:{key}",
        after={**_facts(flag), "value_type": value_type, "unit_type": unit_type},
        reason=reasons.checked(reason),
    )
    first = definitions.first(value_type, unit_type, variants, default)
    act = Act(actor, now, reasons.checked(reason) or "the flag was made")
    for name in places:
        versions.change_live(versions.place(key, name), first, act)
    return flag


@transaction.atomic
def serve_default(*, flag: str, environment: str, actor: str, now: datetime) -> FlagVersion:
    """The first version in an environment that has none: everybody gets the default of another one.

    The variants are those of the environment that serves the flag already.
    """
    where = versions.place(flag, environment)
    if where.live is not None:
        why = f"the flag is served in {environment} already"
        raise Conflict(problem("environment", environment, why, "Write a draft instead."))
    other = queries.live_versions_of(where.flag).first()
    known = other.definition if other else None
    first = definitions.first(
        where.flag.value_type,
        where.flag.unit_type,
        known["variants"] if known else None,
        (known["off"] or known["default"]) if known else None,
    )
    return versions.change_live(where, first, Act(actor, now, "first version here"))


@transaction.atomic
def edit_flag(*, flag: str, content: Mapping[str, Any], actor: str, now: datetime, reason: str = "") -> Flag:
    """Change some of what EDITABLE names; what is served stays.

    Whether pages may ask for it stands in every environment's document, which is built anew. A schema has to
    fit what is served and written already.
    """
    if "is_client_side" in content or "json_schema" in content:
        environments.all_locked()
    row = _locked(flag)
    before = _facts(row)
    for name, value in _described(content).items():
        setattr(row, name, value)
    _check_together(row.owner, row.backup, row.value_type, row.json_schema)
    if "json_schema" in content:
        _check_values(row)
    after = _facts(row)
    changed = [name for name in EDITABLE if before[name] != after[name]]
    if changed:
        row.save(update_fields=changed)
        if "is_client_side" in changed:
            environments.rebuild_all(now=now)
        audit.record(
            now=now,
            actor=actor,
            action="flag.edited",
            subject=f"flag:{flag}",
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
            reason=reasons.checked(reason),
        )
    return row


@transaction.atomic
def archive(*, flag: str, actor: str, now: datetime, reason: str) -> Flag:
    """Take the flag out of every document: product code gets the default written in it.

    Raises Conflict while an experiment runs on it, Refused while another flag needs it.
    """
    why = reasons.checked(reason, needed="archiving a flag")
    held, row = environments.all_locked(), _locked(flag)
    if row.is_archived:
        raise Conflict(problem("flag", flag, "this flag is archived already"))
    _raise_if_experiments_run(row)
    row.archived_at = now
    row.save(update_fields=["archived_at"])
    for environment in held:
        together.check_without(environment, flag)
        environments.rebuild(environment, now=now, flags=(flag,))
    audit.record(now=now, actor=actor, action="flag.archived", subject=f"flag:{flag}", reason=why)
    return row


@transaction.atomic
def unarchive(*, flag: str, actor: str, now: datetime, reason: str = "") -> Flag:
    """Serve again what was live when the flag was archived; gates are asked as for a first publication."""
    act = Act(actor, now, reasons.checked(reason))
    held, row = environments.all_locked(), _locked(flag)
    if not row.is_archived:
        raise Conflict(problem("flag", flag, "this flag is not archived"))
    row.archived_at = None
    row.save(update_fields=["archived_at"])
    for environment in held:
        live = queries.live_version(row, environment)
        if live is not None:
            known = replace(act, approved_by=live.reviewed_by or live.published_by)
            versions.check_gates(Place(row, environment, None), live.definition, known)
            document.check_whole(queries.document_parts(environment))
            environments.rebuild(environment, now=now, flags=(flag,))
    audit.record(now=now, actor=actor, action="flag.unarchived", subject=f"flag:{flag}", reason=act.reason)
    return row


def _check_new(key: str, value_type: str, unit_type: str) -> None:
    check_key("key", key)
    check_key("unit_type", unit_type)
    if value_type not in ValueType.values:
        fix = f"Possible are: {', '.join(ValueType.values)}."
        raise refuse("value_type", value_type, "this is no type of value", fix)
    if key in RESERVED:
        raise refuse("key", key, "this is the address of a page", "Choose another key.")


def _described(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with every field judged. Raises Refused."""
    unknown = [name for name in content if name not in EDITABLE]
    if unknown:
        fix = f"Possible are: {', '.join(EDITABLE)}."
        raise refuse(unknown[0], content[unknown[0]], "this cannot be changed", fix)
    found = dict(content)
    for name, limit in (("title", 200), ("owner", 150), ("backup", 150)):
        if name in found:
            found[name] = check_text(name, found[name], limit=limit, is_needed=name == "owner")
    if "kind" in found and found["kind"] not in Kind.values:
        raise refuse("kind", found["kind"], "this is no kind", f"Possible are: {', '.join(Kind.values)}.")
    if "expires_on" in found:
        found["expires_on"] = _day(found["expires_on"])
    if "team" in found:
        found["team"] = organisation_queries.team(str(found["team"])) if found["team"] else None
    if found.get("json_schema") is not None:
        found["json_schema"] = schemas.check(found["json_schema"])
    if not isinstance(found.get("is_client_side", False), bool):
        fix = "Give true or false."
        raise refuse("is_client_side", found["is_client_side"], "this is neither true nor false", fix)
    return found


def _check_together(owner: str, backup: str, value_type: str, schema: object) -> None:
    if backup and backup == owner:
        raise refuse("backup", backup, "this is the owner", "Name somebody else, or nobody.")
    if schema is not None and value_type != ValueType.JSON:
        raise refuse("json_schema", "…", f"values of type {value_type} need no schema", "Leave it empty.")


def _check_values(row: Flag) -> None:
    """Raise Refused where a live or open version breaks the flag's schema."""
    for version in FlagVersion.objects.filter(flag=row, state__in=[*OPEN_VERSIONS, "published"]):
        found = schemas.of_variants(row.json_schema, version.definition["variants"])
        if found:
            why = f"version {version.number} in {version.environment.key} breaks it: {found[0].reason}"
            raise refuse("json_schema", found[0].field, why, "Publish values that fit first, or relax it.")


def _day(value: object) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise refuse("expires_on", value, "this is no day", "Write it as 2026-12-31.") from None


def _facts(flag: Flag) -> dict[str, Any]:
    day = flag.expires_on
    return {
        "title": flag.title,
        "owner": flag.owner,
        "kind": str(flag.kind),
        "expires_on": day.isoformat() if day else None,
        "is_client_side": flag.is_client_side,
        "backup": flag.backup,
        "team": flag.team.key if flag.team else "",
        "json_schema": flag.json_schema,
    }


def _locked_places(named: Sequence[str] | None) -> list[str]:
    """The environments to serve in, locked before anything is written, in the order everybody uses."""
    places = Environment.objects.select_for_update(no_key=True).order_by("id")
    if named is None:
        return [place.key for place in places]
    list(places.filter(key__in=named))
    return list(named)


def _locked(flag: str) -> Flag:
    queries.flag(flag)
    return Flag.objects.select_for_update(no_key=True).get(key=flag)


def _raise_if_experiments_run(flag: Flag) -> None:
    for live in queries.live_versions_of(flag):
        running = [rule["experiment"] for rule in live.definition["rules"] if "experiment" in rule]
        if running:
            why = f"experiment {running[0]} runs on it in {live.environment.key}"
            raise Conflict(problem("flag", flag.key, why, "Stop the experiment first."))
