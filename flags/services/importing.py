"""Flags of other products, made as drafts: nothing is served differently until somebody publishes one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import transaction

from flags import changes, definitions, importers, queries, words
from flags.definitions import SALT_NAMES
from flags.gitops import segments_in
from flags.importers.reading import Audience, Draft, Reading
from flags.models import Environment, Flag
from flags.services import catalogue, environments, segments, versions
from ledger import audit
from ledger.refusals import Refused

Outcome = Literal["draft", "same", "left out"]
REBUCKETED = (
    "Every unit is bucketed anew: each product hashes in its own way, and with salts of its own, so a unit "
    "that was in an arm there can be in another one here. Let a running experiment end before you import it."
)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one flag of the document."""

    source_key: str
    key: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a whole document."""

    rows: tuple[Row, ...]
    segments: tuple[str, ...]
    notes: tuple[str, ...]

    def count(self, outcome: Outcome) -> int:
        return sum(row.outcome == outcome for row in self.rows)


@dataclass(frozen=True, slots=True)
class _By:
    environment: Environment
    actor: str
    now: datetime


@transaction.atomic
def import_flags(
    *,
    environment: str,
    source: str,
    content: Any,
    actor: str,
    now: datetime,
    place: str = "",
    is_trial: bool = False,
) -> Imported:
    """Make a draft of every flag that maps. A trial says what would come and keeps nothing.

    Raises Refused when the document as a whole cannot be read. A second import of the same document changes
    nothing.
    """
    found = importers.read(source, content, place)
    by = _By(environments.locked(environment), actor, now)
    hindered = {each.key: why for each in found.segments if (why := _hindrance(by, each))}
    rows = [*(_draft(by, each, hindered) for each in found.drafts), *_left_out(found)]
    groups = tuple(each.key for each in found.segments if each.key not in hindered)
    made = Imported(tuple(rows), groups, found.notes)
    if is_trial:
        transaction.set_rollback(True)
        return made
    audit.record(
        now=now,
        actor=actor,
        action="flags.imported",
        subject=f"environment:{environment}",
        after={
            "source": source,
            "drafts": [row.key for row in rows if row.outcome == "draft"],
            "left_out": [row.source_key for row in rows if row.outcome == "left out"],
        },
    )
    return made


def _left_out(found: Reading) -> list[Row]:
    return [Row(each.source_key, "", "left out", (each.reason,)) for each in found.left_out]


def _hindrance(by: _By, found: Audience) -> str:
    """Make the segment unless it is there. Why flags cannot refer to it, empty when they can."""
    try:
        with transaction.atomic():
            return _segment(by, found)
    except Refused as refused:
        return f"its segment {found.key} is refused: {'; '.join(map(str, refused.problems))}"


def _segment(by: _By, found: Audience) -> str:
    known = next((row for row in queries.segments() if row.key == found.key), None)
    if known is None:
        title = "" if found.source_key == found.key else found.source_key[:200]
        segments.create_segment(key=found.key, title=title, actor=by.actor, now=by.now)
    before = queries.segment_versions(queries.segment(found.key), by.environment).first()
    if before is not None:
        if definitions.same(before.definition, found.when):
            return ""
        return f"its segment {found.key} is here already and says something else: rename one of them"
    segments.publish_segment(
        segment=found.key,
        environment=by.environment.key,
        when=found.when,
        reason="imported",
        actor=by.actor,
        now=by.now,
    )
    return ""


def _draft(by: _By, found: Draft, hindered: Mapping[str, str]) -> Row:
    reasons = tuple(hindered[key] for key in segments_in(found.definition["rules"]) if key in hindered)
    reasons += tuple(_missing(by, found))
    if reasons:
        return Row(found.source_key, found.key, "left out", reasons, found.notes)
    try:
        with transaction.atomic():
            return _made(by, found)
    except Refused as refused:
        reasons = tuple(str(problem).rstrip(".") for problem in refused.problems)
        return Row(found.source_key, found.key, "left out", reasons, found.notes)


def _missing(by: _By, found: Draft) -> Iterator[str]:
    """Prerequisites that are not live here yet: a definition cannot be checked against a draft."""
    for needed in found.definition["prerequisites"]:
        if queries.variants(needed["flag"], by.environment.key) is None:
            yield f"it needs {needed['flag']}, which is not live here: publish that flag, then import again"


def _made(by: _By, found: Draft) -> Row:
    known = Flag.objects.filter(key=found.key).first()
    if known is None:
        catalogue.create_flag(
            key=found.key,
            value_type=found.value_type,
            title=found.title or ("" if found.source_key == found.key else found.source_key[:200]),
            in_environments=[],
            reason="imported",
            actor=by.actor,
            now=by.now,
        )
    elif known.value_type != found.value_type:
        why = f"the flag {found.key} is here already, of the type {known.value_type}, not {found.value_type}"
        return Row(found.source_key, found.key, "left out", (why,), found.notes)
    flag = queries.flag(found.key)
    draft, live = queries.draft(flag, by.environment), queries.live_version(flag, by.environment)
    if any(each is not None and _says(each.definition, found.definition) for each in (draft, live)):
        return Row(found.source_key, found.key, "same", (), found.notes)
    if draft is not None:
        why = f"there is a draft by {draft.author} that says something else: publish or drop it first"
        return Row(found.source_key, found.key, "left out", (why,), found.notes)
    saved = versions.save_draft(
        flag=found.key,
        environment=by.environment.key,
        definition=found.definition,
        actor=by.actor,
        now=by.now,
    )
    return Row(found.source_key, found.key, "draft", (), found.notes, _words(live, saved.definition))


def _words(live: Any, definition: Mapping[str, Any]) -> tuple[str, ...]:
    if live is not None:
        return tuple(change.words for change in changes.between(live.definition, definition))
    rest = definition["default"] or "the default in the code"
    return (*(words.rule(rule) for rule in definition["rules"]), f"Otherwise {rest}.")


def _says(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a definition says what an imported one does, but for the ids and salts that were given here."""
    return definitions.same(_bare(known), _bare(wanted))


def _bare(definition: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in definition.items() if name not in ("type", "unit_type", "rules")}
    return {**rest, "rules": [_bare_rule(rule) for rule in definition["rules"]]}


def _bare_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in rule.items() if name != "id"}
    if "split" in kept:
        kept["split"] = {name: value for name, value in kept["split"].items() if name not in SALT_NAMES}
    return kept
