"""Everything that one environment serves, read at once: what `headway export` writes.

Reads only. A handful of statements whatever the number of flags.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from flags import queries
from flags.models import Environment, Flag, FlagVersion, Hold, RampRun, VersionState


def state(environment: Environment) -> dict[str, Any]:
    """Flags with what is live, segments, layers, and the keys of flags that are not served here."""
    rows = queries.live_versions(environment).filter(flag__archived_at__isnull=True)
    live = list(rows.select_related("flag__team"))
    served = {version.flag.key for version in live}
    around = _around(environment)
    known = Flag.objects.filter(archived_at__isnull=True).values_list("key", flat=True)
    return {
        "environment": environment.key,
        "document_version": queries.config_document(environment).version,
        "layers": {layer.key: {"unit_type": layer.unit_type} for layer in queries.layers()},
        "segments": _segments(environment),
        "flags": {version.flag.key: _flag(version, around) for version in live},
        "unserved": sorted(set(known) - served),
        "archived": sorted(Flag.objects.filter(archived_at__isnull=False).values_list("key", flat=True)),
    }


def served_elsewhere(flag: Flag, environment: str) -> list[str]:
    """Other environments in which the flag has a version in force."""
    places = (version.environment.key for version in queries.live_versions_of(flag))
    return sorted(place for place in places if place != environment)


def settings_of(flag: Flag) -> dict[str, Any]:
    """What files say of a flag beside its definition, and what can change without changing what it serves."""
    return {
        "title": flag.title,
        "owner": flag.owner,
        "backup": flag.backup,
        "team": flag.team.key if flag.team else "",
        "kind": flag.kind,
        "expires_on": flag.expires_on.isoformat() if flag.expires_on else None,
        "is_client_side": flag.is_client_side,
        "json_schema": flag.json_schema,
    }


def _flag(version: FlagVersion, around: Mapping[str, Mapping[int, Any]]) -> dict[str, Any]:
    flag = version.flag
    return {
        **settings_of(flag),
        "type": flag.value_type,
        "unit_type": flag.unit_type,
        "version": version.number,
        "checksum": version.checksum,
        "definition": version.definition,
        "has_draft": flag.id in around["drafts"],
        "is_held": flag.id in around["holds"],
        "ramp": around["ramps"].get(flag.id),
        "elsewhere": around["elsewhere"].get(flag.id, []),
    }


def _around(environment: Environment) -> dict[str, Mapping[int, Any]]:
    """What happens to flags beside their live version, by the flag's id."""
    here = {"environment": environment}
    drafts = FlagVersion.objects.filter(**here, state=VersionState.DRAFT)
    holds = Hold.objects.filter(**here, released_at__isnull=True)
    ramps = RampRun.objects.filter(**here, ended_at__isnull=True)
    others = FlagVersion.objects.filter(state=VersionState.PUBLISHED).exclude(**here)
    elsewhere: defaultdict[int, list[str]] = defaultdict(list)
    for flag_id, place in others.order_by("environment__key").values_list("flag_id", "environment__key"):
        elsewhere[flag_id].append(place)
    return {
        "drafts": dict.fromkeys(drafts.values_list("flag_id", flat=True), True),
        "holds": dict.fromkeys(holds.values_list("flag_id", flat=True), True),
        "ramps": dict(ramps.values_list("flag_id", "id")),
        "elsewhere": elsewhere,
    }


def _segments(environment: Environment) -> dict[str, Any]:
    """Segments by key; one that has no version here yet has version 0 and no conditions."""
    live = {row.segment.key: row for row in queries.live_segments(environment)}
    return {
        segment.key: {
            "title": segment.title,
            "owner": segment.owner,
            "version": live[segment.key].number if segment.key in live else 0,
            "when": live[segment.key].definition if segment.key in live else None,
        }
        for segment in queries.segments()
    }
