"""Writing metric definitions: all of them or none, and a new version only where something changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.refusals import Problem, problem, raise_if_any, refuse
from metrics import queries
from metrics.definitions import MetricDefinition, Tier
from metrics.lines import with_text
from metrics.models import Metric, MetricVersion
from metrics.parsing import folded, parse, parse_all


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did, as metric keys."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()


@transaction.atomic
def load_definitions(*, texts: Mapping[str, str], actor: str, now: datetime, reason: str = "") -> Loaded:
    """Store the definitions of all files (name → TOML text). Raises Refused and stores nothing otherwise.

    A definition that means the same as the current version makes no new one: comments, order and spacing do
    not count.
    """
    definitions = parse_all(texts)
    raise_if_any(_taken_titles(definitions))
    outcome: dict[str, list[str]] = {"new": [], "changed": [], "unchanged": []}
    for file, definition in definitions.items():
        outcome[_store(definition, texts[file], actor, now, reason)].append(definition.key)
    return Loaded(**{name: tuple(keys) for name, keys in outcome.items()})


@transaction.atomic
def load_text(*, text: str, actor: str, now: datetime, key: str = "") -> MetricVersion:
    """Store one definition and return the version that holds it; with `key`, only a text of that metric."""
    definition = parse(text)
    if key and definition.key != key:
        raise refuse("key", definition.key, f'this text defines another metric than "{key}"', "Keep the key.")
    load_definitions(texts={f"{definition.key}.toml": text}, actor=actor, now=now)
    return queries.version(definition.key)


@transaction.atomic
def hand_over(*, key: str, owner: str, actor: str, now: datetime, reason: str) -> None:
    """Another owner for the metric, as a new version that means the same otherwise.

    A backup who becomes the owner is backup no more; a final metric needs one: there the two change places.
    """
    current = queries.version(key)
    before, text = current.definition, with_text(current.text, "owner", owner)
    if before.backup_owner == owner:
        text = with_text(text, "backup_owner", before.owner if before.tier is Tier.FINAL else "")
    load_definitions(texts={f"{key}.toml": text}, actor=actor, now=now, reason=reason)


def _store(definition: MetricDefinition, text: str, actor: str, now: datetime, reason: str) -> str:
    metric, _ = Metric.objects.select_for_update().get_or_create(
        key=definition.key, defaults={"created_at": now}
    )
    newest = metric.versions.order_by("-number").first()
    if newest is not None and newest.sha256 == definition.sha256:
        return "unchanged"
    version = MetricVersion.objects.create(
        metric=metric,
        number=1 if newest is None else newest.number + 1,
        text=text,
        content=definition.canonical(),
        sha256=definition.sha256,
        author=actor,
        created_at=now,
    )
    Metric.objects.filter(id=metric.id).update(current=version)
    _record(newest, version, actor, now, reason)
    return "new" if newest is None else "changed"


def _record(
    before: MetricVersion | None, after: MetricVersion, actor: str, now: datetime, reason: str
) -> None:
    audit.record(
        now=now,
        actor=actor,
        action="metric.version.published",
        subject=f"metric:{after.metric.key}",
        before=None if before is None else {"version": before.number, "sha256": before.sha256},
        after={"version": after.number, "sha256": after.sha256},
        reason=reason,
    )


def _taken_titles(definitions: Mapping[str, MetricDefinition]) -> list[Problem]:
    """Titles that a metric outside this load already has."""
    loaded = {definition.key for definition in definitions.values()}
    taken = {folded(title): key for key, title in queries.titles().items() if key not in loaded}
    return [
        problem("title", each.title, f'"{taken[folded(each.title)]}" has this title', "Choose another title.")
        for each in definitions.values()
        if folded(each.title) in taken
    ]
