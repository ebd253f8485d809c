"""Reads of flags and what belongs to them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse

from flags import keys, slots
from flags.models import (
    OPEN_VERSIONS,
    BucketRange,
    CleanUpTick,
    CodeReference,
    CodeRepository,
    ConfigDocument,
    Environment,
    Flag,
    FlagVersion,
    Hold,
    Holdout,
    Layer,
    RampPlan,
    RampRun,
    SavedFilter,
    ScheduledChange,
    SdkKey,
    Segment,
    SegmentVersion,
    VersionState,
)
from flags.parts import Numbered, Parts
from ledger.refusals import NotFound, problem
from organisation.ownership import Owned


def missing(field: str, key: object, known: Iterable[str]) -> NotFound:
    """`raise missing("flag", key, known keys)`: names what exists, which is usually a typing slip away."""
    listed = sorted(known)[:20]
    fix = f"Known: {', '.join(listed)}." if listed else "There is none yet."
    return NotFound(problem(field, key, f"there is no such {field}", fix))


def environments() -> QuerySet[Environment]:
    return Environment.objects.all()


def environment(key: str) -> Environment:
    """Raises NotFound."""
    found = Environment.objects.filter(key=key).first()
    if found is None:
        raise missing("environment", key, Environment.objects.values_list("key", flat=True))
    return found


def is_production(key: str) -> bool:
    """Whether real users are served from the environment; False when there is none with this key."""
    return Environment.objects.filter(key=key, is_production=True).exists()


def requires_review(key: str) -> bool:
    """Whether a second person approves what opens something there; False when there is none with this key."""
    return Environment.objects.filter(key=key, requires_review=True).exists()


def variants(flag_key: str, environment_key: str) -> tuple[str, ...] | None:
    """The variants that a flag can serve in an environment now, None when it serves nothing there."""
    definition = served_definition(flag_key, environment_key)
    return None if definition is None else tuple(definition["variants"])


def served_definition(flag_key: str, environment_key: str) -> dict[str, Any] | None:
    """What is in force, None when the flag is archived, unknown or served nowhere there."""
    live = FlagVersion.objects.filter(
        state=VersionState.PUBLISHED, flag__key=flag_key, environment__key=environment_key
    )
    return live.filter(flag__archived_at__isnull=True).values_list("definition", flat=True).first()


def flags(*, search: str = "", archived: bool = False) -> QuerySet[Flag]:
    """Flags by key; `search` looks into key, title and owner."""
    found = Flag.objects.filter(archived_at__isnull=not archived)
    if search:
        words = Q(key__icontains=search) | Q(title__icontains=search) | Q(owner__icontains=search)
        found = found.filter(words)
    return found


def flag(key: str) -> Flag:
    """Raises NotFound."""
    found = Flag.objects.filter(key=key).first()
    if found is None:
        raise missing("flag", key, Flag.objects.values_list("key", flat=True))
    return found


def owned() -> Iterator[Owned]:
    """Every flag that is not archived, with who answers for it."""
    for found in flags():
        address = reverse("flag", args=[found.key])
        yield Owned("flag", found.key, found.title or found.key, found.owner, found.backup, address)


def versions(flag: Flag, environment: Environment) -> QuerySet[FlagVersion]:
    """Every version, newest first, with its parent."""
    return FlagVersion.objects.filter(flag=flag, environment=environment).select_related("parent")


def version(flag: Flag, environment: Environment, number: int) -> FlagVersion:
    """Raises NotFound."""
    found = versions(flag, environment).filter(number=number).first()
    if found is None:
        numbers = versions(flag, environment).values_list("number", flat=True)
        raise missing("version", number, (str(known) for known in numbers))
    return found


def live_version(flag: Flag, environment: Environment) -> FlagVersion | None:
    return versions(flag, environment).filter(state=VersionState.PUBLISHED).first()


def draft(flag: Flag, environment: Environment) -> FlagVersion | None:
    """The version that is being written, waits for its review or is approved."""
    return versions(flag, environment).filter(state__in=OPEN_VERSIONS).first()


def live_versions(environment: Environment) -> QuerySet[FlagVersion]:
    """The version in force of every flag of an environment, archived flags included."""
    live = FlagVersion.objects.filter(environment=environment, state=VersionState.PUBLISHED)
    return live.select_related("flag").order_by("flag__key")


def live_among(environment: Environment, flags: Iterable[Flag]) -> dict[str, FlagVersion]:
    """Flag key → the version in force, for those of the flags that have one."""
    rows = live_versions(environment).filter(flag__in=[flag.id for flag in flags])
    return {row.flag.key: row for row in rows}


def held_among(environment: Environment, flags: Iterable[Flag]) -> set[str]:
    """Keys of those of the flags that somebody holds."""
    held = Hold.objects.filter(environment=environment, flag__in=[flag.id for flag in flags])
    return set(held.filter(released_at__isnull=True).values_list("flag__key", flat=True))


def flag_states(flag: Flag) -> list[tuple[Environment, FlagVersion | None]]:
    """Every environment with the version in force there."""
    live = {row.environment_id: row for row in live_versions_of(flag)}
    return [(environment, live.get(environment.id)) for environment in environments()]


def live_versions_of(flag: Flag) -> QuerySet[FlagVersion]:
    """The version in force in each environment that has one."""
    live = FlagVersion.objects.filter(flag=flag, state=VersionState.PUBLISHED)
    return live.select_related("environment")


def dependents(flag_key: str, environment: Environment) -> list[str]:
    """Keys of the flags that have this one as a prerequisite, archived ones left out."""
    needing = live_versions(environment).filter(
        definition__prerequisites__contains=[{"flag": flag_key}], flag__archived_at__isnull=True
    )
    return list(needing.values_list("flag__key", flat=True))


def segments() -> QuerySet[Segment]:
    return Segment.objects.all()


def segment(key: str) -> Segment:
    """Raises NotFound."""
    found = Segment.objects.filter(key=key).first()
    if found is None:
        raise missing("segment", key, Segment.objects.values_list("key", flat=True))
    return found


def segment_versions(segment: Segment, environment: Environment) -> QuerySet[SegmentVersion]:
    """Every version, newest first."""
    return SegmentVersion.objects.filter(segment=segment, environment=environment)


def live_segments(environment: Environment) -> QuerySet[SegmentVersion]:
    """The newest version of every segment of an environment."""
    newest = SegmentVersion.objects.filter(environment=environment).order_by("segment__key", "-number")
    return newest.distinct("segment__key").select_related("segment")


def layers() -> QuerySet[Layer]:
    return Layer.objects.select_related("salt")


def layer(key: str) -> Layer:
    """Raises NotFound."""
    found = layers().filter(key=key).first()
    if found is None:
        raise missing("layer", key, Layer.objects.values_list("key", flat=True))
    return found


def reserved(layer: Layer) -> QuerySet[BucketRange]:
    """Ranges nobody else may have: in use or resting."""
    return BucketRange.objects.filter(layer=layer, is_reserved=True)


def owned_slots(layer: Layer, experiment: str) -> tuple[slots.Slots, ...]:
    """The slots an experiment owns in a layer now, lowest first."""
    owned = reserved(layer).filter(experiment=experiment, freed_at__isnull=True)
    return tuple(as_slots(row) for row in owned)


def free_slots(layer: Layer) -> tuple[slots.Slots, ...]:
    return slots.free(as_slots(row) for row in reserved(layer))


def as_slots(row: BucketRange) -> slots.Slots:
    return slots.Slots(row.slots.lower, row.slots.upper)


def open_holds(flag: Flag, environment: Environment) -> QuerySet[Hold]:
    return Hold.objects.filter(flag=flag, environment=environment, released_at__isnull=True)


def hold(hold_id: int) -> Hold:
    """Raises NotFound."""
    found = Hold.objects.select_related("environment", "flag").filter(id=hold_id).first()
    if found is None:
        raise NotFound(problem("hold", hold_id, "there is no such hold"))
    return found


def holds_of(flag_key: str, environment_key: str) -> QuerySet[Hold]:
    """Open holds by keys, for gates; empty when there is no such flag."""
    of_flag = Hold.objects.filter(flag__key=flag_key, environment__key=environment_key)
    return of_flag.filter(released_at__isnull=True)


def ramp_plans() -> QuerySet[RampPlan]:
    return RampPlan.objects.all()


def ramp_plan(key: str) -> RampPlan:
    """Raises NotFound."""
    found = RampPlan.objects.filter(key=key).first()
    if found is None:
        raise missing("plan", key, RampPlan.objects.values_list("key", flat=True))
    return found


def ramp(ramp_id: int) -> RampRun:
    """Raises NotFound."""
    found = RampRun.objects.select_related("flag", "environment").filter(id=ramp_id).first()
    if found is None:
        raise NotFound(problem("ramp", ramp_id, "there is no such ramp"))
    return found


def ramps(flag: Flag, environment: Environment) -> QuerySet[RampRun]:
    """Every ramp of a flag in an environment, newest first."""
    return RampRun.objects.filter(flag=flag, environment=environment).prefetch_related("events")


def open_ramp(flag: Flag, environment: Environment) -> RampRun | None:
    return ramps(flag, environment).filter(ended_at__isnull=True).first()


def moving_ramps() -> QuerySet[RampRun]:
    """Ramps that the clock moves: running or held, of flags that are not archived."""
    moving = RampRun.objects.filter(state__in=["running", "holding"], flag__archived_at__isnull=True)
    return moving.order_by("id")


def holdouts() -> QuerySet[Holdout]:
    return Holdout.objects.select_related("environment")


def holdout(key: str) -> Holdout:
    """Raises NotFound."""
    found = holdouts().filter(key=key).first()
    if found is None:
        raise missing("holdout", key, Holdout.objects.values_list("key", flat=True))
    return found


def holding(environment: Environment) -> QuerySet[Holdout]:
    """Holdouts in force."""
    return Holdout.objects.filter(
        environment=environment, started_at__isnull=False, ended_at__isnull=True
    ).order_by("key")


def _as_part(row: Holdout) -> dict[str, Any]:
    return {
        "unit_type": row.unit_type,
        "salt": row.salt_id,
        "share_ppm": row.share_ppm,
        "layers": row.layers,
    }


def scheduled_change(change_id: int) -> ScheduledChange:
    """Raises NotFound."""
    found = ScheduledChange.objects.select_related("flag", "environment", "version").filter(id=change_id)
    row = found.first()
    if row is None:
        raise NotFound(problem("change", change_id, "there is no such scheduled change"))
    return row


def scheduled_changes(flag: Flag, environment: Environment) -> QuerySet[ScheduledChange]:
    """Every scheduled change of a flag in an environment, the pending ones by their time."""
    found = ScheduledChange.objects.filter(flag=flag, environment=environment)
    return found.select_related("flag", "environment", "version")


def due_changes(now: datetime) -> QuerySet[ScheduledChange]:
    return ScheduledChange.objects.filter(state="pending", run_at__lte=now).order_by("run_at", "id")


def clean_up_ticks(flag: Flag) -> QuerySet[CleanUpTick]:
    return CleanUpTick.objects.filter(flag=flag)


def lines_of_code(flag_key: str) -> int | None:
    """Lines of scanned repositories that name the flag, None while none was scanned."""
    if not CodeRepository.objects.exists():
        return None
    return CodeReference.objects.filter(flag_key=flag_key).count()


def saved_filters() -> QuerySet[SavedFilter]:
    return SavedFilter.objects.all()


def sdk_keys() -> QuerySet[SdkKey]:
    return SdkKey.objects.select_related("environment", "replaces", "replacement")


def sdk_key(prefix: str) -> SdkKey:
    """Raises NotFound."""
    found = sdk_keys().filter(prefix=prefix).first()
    if found is None:
        raise missing("key", prefix, SdkKey.objects.values_list("prefix", flat=True))
    return found


def key_by_secret(secret: str, *, now: datetime) -> SdkKey | None:
    """The live key with this text, compared in constant time; None when unknown, revoked or expired."""
    prefix = keys.prefix_of(secret)
    if prefix is None:
        return None
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    # Every request with a key asks this: nothing is joined or sorted that only pages show.
    live = SdkKey.objects.select_related("environment").filter(unexpired, revoked_at__isnull=True)
    found = live.filter(prefix=prefix).order_by("pk").first()
    if found is None or not keys.is_same(secret, found.digest, settings.SECRET_KEY):
        return None
    return found


def config_document(environment: Environment) -> ConfigDocument:
    return ConfigDocument.objects.get(environment=environment)


def environments_with_documents() -> QuerySet[Environment]:
    return Environment.objects.select_related("document")


def served_flags(environment: Environment, keys: Iterable[str] | None = None) -> dict[str, Numbered]:
    """What an environment serves of these flags, or of all."""
    live = live_versions(environment).filter(flag__archived_at__isnull=True)
    if keys is not None:
        live = live.filter(flag__key__in=keys)
    rows = live.values_list("flag__key", "number", "definition")
    return {key: Numbered(number, definition) for key, number, definition in rows}


def document_parts(environment: Environment) -> Parts:
    """Everything an environment serves now; archived flags are not part of it."""
    return Parts(
        environment=environment.key,
        flags=served_flags(environment),
        segments={
            row.segment.key: Numbered(row.number, row.definition) for row in live_segments(environment)
        },
        layers={row.key: {"unit_type": row.unit_type, "salt": row.salt_id} for row in layers()},
        holdouts={row.key: _as_part(row) for row in holding(environment)},
    )
