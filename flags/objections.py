"""What this app itself objects to: a flag somebody holds does not open further."""

from collections.abc import Iterator

from flags import gates, queries
from flags.gates import Finding, Subject


def register() -> None:
    """Called once the apps are ready."""
    for action in ("ramp.advance", "experiment.start", "decide.ship"):
        gates.register(action, open_holds)


def open_holds(subject: Subject) -> Iterator[Finding]:
    for hold in queries.holds_of(subject.flag, subject.environment):
        yield Finding(
            code="hold",
            title=f"{hold.held_by} holds the flag: {hold.reason}",
            fix="Release the hold on the flag's page when it is safe to go on.",
            evidence={"since": f"{hold.held_at:%Y-%m-%d %H:%M} UTC"},
        )
