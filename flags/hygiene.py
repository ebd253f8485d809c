"""Flags that have done their work: settled for a month, past their day, or no longer asked for. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flags.definitions import WHOLE_PPM

SETTLED_AFTER = timedelta(days=30)
UNUSED_AFTER = timedelta(days=14)
KINDS_THAT_STAY = frozenset({"ops", "permission"})


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a flag in one environment.

    `since` is when its live version went live; `seen_at` the newest evaluation, of which `is_counted` says
    whether anybody would know; `is_named` whether a scanned line of code names it, None before any scan.
    """

    kind: str
    expires_on: date | None
    definition: Mapping[str, Any] | None
    since: datetime | None
    now: datetime
    seen_at: datetime | None = None
    is_counted: bool = False
    is_named: bool | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason to clean up."""

    code: str
    words: str


def findings(flag: Standing) -> tuple[Finding, ...]:
    """Every reason, the most certain first; ops and permission flags may be settled for ever."""
    return tuple(_findings(flag))


def _findings(flag: Standing) -> Iterator[Finding]:
    if flag.expires_on is not None and flag.expires_on < flag.now.date():
        yield Finding("expired", f"it was to be gone by {flag.expires_on:%Y-%m-%d}")
    if flag.definition is None or flag.since is None:
        return
    served, age = served_to_all(flag.definition), flag.now - flag.since
    if served is not None and age >= SETTLED_AFTER and flag.kind not in KINDS_THAT_STAY:
        yield Finding("settled", f"everybody has got {served} for {age.days} days")
    if flag.is_counted and age >= UNUSED_AFTER and _is_unused(flag):
        last = f"since {flag.seen_at:%Y-%m-%d}" if flag.seen_at else "as far as anybody knows"
        yield Finding("unused", f"product code has not asked for it {last}")
    if flag.is_named is False and age >= UNUSED_AFTER:
        yield Finding("unnamed", "no scanned line of code names it")


def served_to_all(definition: Mapping[str, Any]) -> str | None:
    """The one variant that everybody gets, None when it depends on who asks."""
    if not definition["on"]:
        return definition["off"] or "the default in the code"
    if definition["prerequisites"] or definition["forced"]:
        return None
    if not definition["rules"]:
        return definition["default"] or "the default in the code"
    first = definition["rules"][0]
    if any(name in first for name in ("when", "layer", "experiment", "holdouts")):
        return None
    return _only_variant(first)


def _only_variant(rule: Mapping[str, Any]) -> str | None:
    if "split" not in rule:
        return str(rule["variant"])
    whole = [variant for variant, weight in rule["split"]["arms"] if weight == WHOLE_PPM]
    return str(whole[0]) if whole and rule["split"]["coverage_ppm"] == WHOLE_PPM else None


def _is_unused(flag: Standing) -> bool:
    return flag.seen_at is None or flag.now - flag.seen_at >= UNUSED_AFTER
