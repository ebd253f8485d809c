"""How an experiment stands by its newest report: for the list of experiments, and for decisions.

Registered with `experiments.status` when the app is ready.
"""

from collections.abc import Mapping, Sequence

from analysis import queries
from analysis.models import GuardrailTrip
from analysis.report.verdict import Verdict
from analysis.report.vocabulary import VERDICTS
from experiments import status
from experiments.status import Pill, Snapshot
from ledger.refusals import NotFound


def register() -> None:
    status.register_verdicts(verdicts)
    status.register_snapshots(snapshot)


def verdicts(keys: Sequence[str]) -> Mapping[str, Pill]:
    """The newest verdict of each experiment that has one; unsettled trips stand in the detail."""
    trips = _unsettled(keys)
    known = queries.latest_verdicts()
    return {key: _pill(known[key], trips.get(key, [])) for key in keys if key in known}


def snapshot(sha256: str) -> Snapshot | None:
    """The stored report with this hash. A report that says DO NOT USE is no ground for shipping."""
    try:
        found = queries.snapshot(sha256)
    except NotFound:
        return None
    return Snapshot(
        experiment=found.experiment.key,
        sha256=found.sha256,
        verdict=found.verdict,
        is_trustworthy=found.verdict != Verdict.DO_NOT_USE,
    )


def _unsettled(keys: Sequence[str]) -> dict[str, list[GuardrailTrip]]:
    found: dict[str, list[GuardrailTrip]] = {}
    for trip in queries.unsettled_trips().filter(experiment__key__in=list(keys)):
        found.setdefault(trip.experiment.key, []).append(trip)
    return found


def _pill(verdict: str, trips: Sequence[GuardrailTrip]) -> Pill:
    metrics = ", ".join(sorted({trip.title for trip in trips}))
    detail = f"harm in {metrics}" if metrics else ""
    sign = VERDICTS[Verdict(verdict)]
    return Pill(sign.word, sign.tone, detail)
