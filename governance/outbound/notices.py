"""One fact, ready to be told: ids and words, never bare numbers, so that nobody quotes a stale one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

IDS = (
    "arm",
    "discipline",
    "environment",
    "experiment",
    "flag",
    "incident",
    "metric",
    "number",
    "postmortem",
    "review",
    "rows",
    "seal",
    "sha256",
    "snapshot_sha256",
    "state",
    "surface",
    "trip",
    "version",
)
"""What of an audit row's `after` goes out: names and ids."""


class Severity(StrEnum):
    """In PagerDuty's words."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


SEVERITIES = {
    "guardrail.tripped": Severity.ERROR,
    "guardrail.confirmed": Severity.CRITICAL,
    "experiment.invalidated": Severity.WARNING,
    "ramp.step.held": Severity.WARNING,
    "ramp.step.rolled_back": Severity.ERROR,
    "review.blocked": Severity.WARNING,
    "signoff.expired": Severity.WARNING,
    "incident.opened": Severity.CRITICAL,
    "action_item.overdue": Severity.WARNING,
    "ratio.expired": Severity.WARNING,
    "budget.failed": Severity.WARNING,
    "metric.suspended": Severity.WARNING,
    "audit.broken": Severity.CRITICAL,
}
CLEARS = {
    "guardrail.cleared": "guardrail",
    "guardrail.waived": "guardrail",
    "incident.closed": "incident",
}
"""Events that end what an earlier one of the same group opened, at pagers and alert managers."""
ACKNOWLEDGES = {"guardrail.acknowledged": "guardrail", "incident.acknowledged": "incident"}
NUMBERED = {"guardrail": "trip", "incident": "incident"}
"""Groups of events, and the id that tells their objects apart. An incident names its trip as well."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A fact: `event` in the words of `events`, `subject` as in the audit trail (`experiment:home`).

    `key` groups what concerns one trip or incident, so that clearing ends what tripping began.
    """

    event: str
    subject: str
    at: datetime
    actor: str
    reason: str
    address: str
    ids: Mapping[str, Any]

    @property
    def severity(self) -> Severity:
        return SEVERITIES.get(self.event, Severity.INFO)

    @property
    def title(self) -> str:
        """`Guardrail tripped: checkout (p95-latency, treatment)`."""
        words = self.event.replace(".", " ").replace("_", " ").capitalize()
        about = ", ".join(
            str(self.ids[name]) for name in ("metric", "arm", "environment") if self.ids.get(name)
        )
        name = self.subject.partition(":")[2] or self.subject
        return f"{words}: {name}" + (f" ({about})" if about else "")

    @property
    def key(self) -> str:
        """Equal for all that concerns one trip, incident or object."""
        group = self.event.partition(".")[0]
        which = self.ids.get(NUMBERED.get(group, ""), self.subject)
        return f"headway/{group}/{which}"


def ids_of(after: Mapping[str, Any] | None) -> dict[str, Any]:
    """The names and ids among an audit row's facts."""
    known = after or {}
    return {name: known[name] for name in IDS if isinstance(known.get(name), str | int) and known[name] != ""}
