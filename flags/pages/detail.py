"""One flag: what it serves and why, its versions with their differences, its history."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from flags import changes, clean_up, exposures, folding, queries, references, seen, words
from flags.hygiene import Finding
from flags.models import FlagVersion, RampRun
from flags.pages import ramps, schedules
from flags.pages.context import Here, frame, here
from flags.pages.listing import stale
from ledger import queries as ledger_queries

ROWS_A_PAGE = 50


def flag(request: HttpRequest, key: str) -> HttpResponse:
    found = here(request, key)
    context = {
        **frame(found, "rules"),
        "definition": described(found.live.definition) if found.live else None,
        "foldable": _foldable(found),
        "draft_changes": _draft_changes(found),
        "is_overtaken": _is_overtaken(found),
        "holds": queries.open_holds(found.flag, found.environment),
        "dependents": queries.dependents(key, found.environment),
        "ramps": [ramps.shown(run) for run in _ramps(found)],
        "plans": queries.ramp_plans(),
        "stale": _stale(found),
        "clean_up": _clean_up(found),
        "pending": [
            schedules.shown(row)
            for row in queries.scheduled_changes(found.flag, found.environment).filter(state="pending")
        ],
        "exposures": _exposures(found),
        "exposure_days": exposures.DAYS,
        "elsewhere": [
            (place, live) for place, live in queries.flag_states(found.flag) if place != found.environment
        ],
    }
    return render(request, "flags/detail.html", context)


def versions(request: HttpRequest, key: str) -> HttpResponse:
    found = here(request, key)
    all_versions = queries.versions(found.flag, found.environment)
    page = Paginator(all_versions, ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {**frame(found, "versions"), "rows": page, "entries": [_entry(version) for version in page]}
    return render(request, "flags/versions.html", context)


def version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """One version, compared with the one before it or with the one that is live."""
    found = here(request, key)
    shown = queries.version(found.flag, found.environment, number)
    against = found.live if request.GET.get("against") == "live" else shown.parent
    context = {
        **frame(found, "versions"),
        "version": shown,
        "definition": described(shown.definition),
        "against": against,
        "changes": changes.between(against.definition if against else None, shown.definition),
        "can_revert": shown.published_at is not None and shown != found.live,
        "can_take_up": found.draft is None and shown != found.live and not found.flag.is_archived,
    }
    return render(request, "flags/version.html", context)


def history(request: HttpRequest, key: str) -> HttpResponse:
    found = here(request, key)
    rows = Paginator(ledger_queries.audit_of(f"flag:{key}"), ROWS_A_PAGE)
    context = {**frame(found, "history"), "rows": rows.get_page(request.GET.get("page"))}
    return render(request, "flags/history.html", context)


def described(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition with plain words beside each part."""
    return {
        "content": definition,
        "variants": [(key, words.variant_value(value)) for key, value in definition["variants"].items()],
        "rules": [
            {
                "rule": rule,
                "words": words.rule(rule),
                "coverage_ppm": rule.get("split", {}).get("coverage_ppm"),
            }
            for rule in definition["rules"]
        ],
        "splits": [_steerable(rule) for rule in definition["rules"] if is_steerable(rule)],
        "forced": sorted(definition["forced"].items()),
        "prerequisites": [
            {"flag": needed["flag"], "variants": ", ".join(needed["variants"])}
            for needed in definition["prerequisites"]
        ],
    }


def is_steerable(rule: Mapping[str, Any]) -> bool:
    """Whether the page may offer another coverage; that of an experiment is the experiment's."""
    return "split" in rule and "experiment" not in rule


def _steerable(rule: Mapping[str, Any]) -> dict[str, str]:
    return {"id": rule["id"], "percent": words.percent(rule["split"]["coverage_ppm"]).removesuffix(" %")}


def _foldable(found: Here) -> str:
    """The id of the rule that the default can take the place of; empty without one, or beside a draft."""
    if found.live is None or found.draft is not None or found.flag.is_archived:
        return ""
    holding = queries.holding(found.environment).values_list("key", flat=True)
    rule = folding.foldable(found.live.definition, holding)
    return rule["id"] if rule else ""


def _entry(version: FlagVersion) -> dict[str, Any]:
    before = version.parent.definition if version.parent else None
    return {
        "version": version,
        "changes": [each.words for each in changes.between(before, version.definition)],
    }


def _stale(found: Here) -> tuple[Finding, ...]:
    if found.flag.is_archived:
        return ()
    seen_at = seen.last_seen(found.environment.key, [found.flag.key]).get(found.flag.key)
    since = seen.counted_since(found.environment.key)
    named = references.referenced_among([found.flag.key])
    return stale(found.flag, found.live, seen_at, timezone.now(), counted_since=since, named=named)


def _exposures(found: Here) -> tuple[exposures.Row, ...]:
    today = timezone.now().date()
    counts = seen.daily(found.environment.key, found.flag.key, exposures.first_day(today))
    return exposures.rows(counts, today)


def _clean_up(found: Here) -> list[dict[str, Any]]:
    """The checklist, for a flag that has done its work or whose clean-up has begun."""
    ticks = {tick.step: tick for tick in queries.clean_up_ticks(found.flag)}
    if found.flag.is_archived or not (ticks or _stale(found)):
        return []
    notes = clean_up.notes(
        dependents=queries.dependents(found.flag.key, found.environment),
        lines=queries.lines_of_code(found.flag.key),
    )
    return [
        {"code": code, "title": title, "note": notes.get(code, ""), "tick": ticks.get(code)}
        for code, title in clean_up.STEPS.items()
    ]


def _ramps(found: Here) -> list[RampRun]:
    """The newest ramp while it is open, and once it is over as long as nothing newer began."""
    return list(queries.ramps(found.flag, found.environment)[:1])


def _draft_changes(found: Here) -> list[changes.Change]:
    if found.draft is None:
        return []
    return changes.between(found.live.definition if found.live else None, found.draft.definition)


def _is_overtaken(found: Here) -> bool:
    """Whether something went live since the draft was written, so that it cannot be published as it is."""
    return found.draft is not None and found.live is not None and found.draft.parent_id != found.live.id
