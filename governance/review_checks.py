"""What the computer finds about a launch: one small check for each thing that went wrong elsewhere. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from governance.reviewing import Finding, Severity

BLOCKING, WARNING, NOTE = Severity.BLOCKING, Severity.WARNING, Severity.NOTE
REVISE = "Revise the plan: its next version takes the guardrail in. Or ask for a waiver under Guardrails."
BELOW_TIER = ("alpha", "deprecated")


@dataclass(frozen=True, slots=True)
class Trip:
    """An unsettled trip; `fix` is the same for all."""

    id: int
    experiment: str
    metric: str
    arm: str
    severity: str
    interval: str
    is_blocking: bool


@dataclass(frozen=True, slots=True)
class Context:
    """Everything the checks look at, read once. `document` is the newest report, None without one;
    `price` a sentence on what the slowdown costs; `expired` attached metrics whose waiver has run out or was
    taken back, `unwatched` those that a policy attached after the plan was locked."""

    experiment: str
    owner: str
    backup: str
    document: Mapping[str, Any] | None
    trips: tuple[Trip, ...] = ()
    planned_units: int | None = None
    price: str = ""
    expired: tuple[str, ...] = ()
    unwatched: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()


def findings(context: Context) -> tuple[Finding, ...]:
    """All findings, blocking ones first."""
    found = [each for check in CHECKS for each in check(context)]
    return tuple(sorted(found, key=lambda each: list(Severity).index(each.severity)))


def trips(context: Context) -> Iterator[Finding]:
    fix = "Resolve the trip, or have it waived by somebody of the performance discipline."
    for trip in context.trips:
        severity = BLOCKING if trip.is_blocking else WARNING
        title = f"guardrail {trip.metric} is harmed in arm {trip.arm} of {trip.experiment} ({trip.severity})"
        yield Finding("guardrail_trip", severity, title, fix, {"trip": trip.id, "interval": trip.interval})


def report(context: Context) -> Iterator[Finding]:
    if context.experiment and context.document is None:
        yield Finding("no_report", BLOCKING, "there is no report to sign", "Ask for a look first.")


def trust(context: Context) -> Iterator[Finding]:
    """Failed checks: units do not arrive in their shares (SRM), data are missing, arms mix."""
    for check in _checks(context):
        if check["status"] in {"fail", "not_run"}:
            severity = BLOCKING if check["stops_use"] else WARNING
            title = f"health check {check['label'].lower()} {check['word']}: {check['detail']}"
            yield Finding("untrusted" if severity is BLOCKING else "health", severity, title, "See Health.")


def power(context: Context) -> Iterator[Finding]:
    document, planned = context.document, context.planned_units
    if document is None or not planned:
        return
    smallest = min((arm["units"] for arm in document["arms"]), default=0)
    if smallest < planned:
        title = f"the smallest arm has {smallest:,} of {planned:,} planned units"
        fix = "Wait, or say why less is enough: what was not found may still be there."
        yield Finding("power", WARNING, title, fix, {"units": smallest, "planned": planned})


def unproven(context: Context) -> Iterator[Finding]:
    for row, arm in _arms(context):
        if row["role"] == "guardrail" and arm["state"] == "not_proven":
            severity = WARNING
            title = f"{row['title']} is not proven harmless in {arm['arm']}: {arm['sentence']}"
            fix = "Run longer, or accept a larger margin with a reason."
            yield Finding("unproven", severity, title, fix, {"metric": row["metric"]})


def tiers(context: Context) -> Iterator[Finding]:
    for row in () if context.document is None else context.document["results"]:
        if row["tier"] in BELOW_TIER and row["role"] in {"primary", "success", "guardrail"}:
            title = f"{row['title']} is of tier {row['tier']} and decides all the same"
            yield Finding("tier", WARNING, title, "Validate and promote the metric, or decide by another.")


def owners(context: Context) -> Iterator[Finding]:
    if not context.owner:
        yield Finding("owner", BLOCKING, "nobody answers for the launch", "Name an owner.")
    elif not context.backup:
        title = f"nobody stands in for {context.owner}"
        yield Finding("backup", WARNING, title, "Name a backup who can roll it back.")


def waivers(context: Context) -> Iterator[Finding]:
    for metric in context.expired:
        title = f"the waiver of {metric} holds no longer and nothing watches it"
        yield Finding("waiver_expired", BLOCKING, title, REVISE)
    for metric in context.unwatched:
        title = f"{metric} is attached by a policy that came after the plan, and nothing watches it"
        yield Finding("unwatched", BLOCKING, title, REVISE)
    for metric in context.waived:
        yield Finding("waiver", WARNING, f"{metric} is waived and not watched", "See Guardrails.")


def price(context: Context) -> Iterator[Finding]:
    if context.price:
        yield Finding("price", NOTE, context.price)


CHECKS: tuple[Callable[[Context], Iterator[Finding]], ...] = (
    trips,
    report,
    trust,
    power,
    unproven,
    tiers,
    owners,
    waivers,
    price,
)


def _checks(context: Context) -> list[Mapping[str, Any]]:
    return [] if context.document is None else list(context.document["trust"]["checks"])


def _arms(context: Context) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for row in () if context.document is None else context.document["results"]:
        for arm in row["arms"]:
            yield row, arm
