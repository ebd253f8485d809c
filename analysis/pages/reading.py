"""What every report page shows around the stored document: snapshots, looks under way, trips, decision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils import timezone

from analysis import looks, queries, unblinding
from analysis.pages import aftermath, evidence
from analysis.report import changes, differences, page, pictures
from analysis.report.forms import FORMS
from analysis.services.requests import KIND
from experiments import lifecycle
from experiments import queries as experiments
from experiments.lifecycle import State
from experiments.pages.detail import frame
from ledger import queries as ledger_queries

if TYPE_CHECKING:
    from analysis.models import GuardrailTrip, ReportSnapshot
    from experiments.models import Experiment
    from ledger.models import Job

UNFINISHED, DEAD = ("queued", "running"), "dead"
SHOWN_SNAPSHOTS = 40
REVEALED = "revealed_reports"
LEFT_OUT = {
    "crossovers": {"title": "In more than one arm", "why": "nobody can say which arm their events belong to"},
    "unplanned": {"title": "In no planned arm", "why": "they saw a variant that the plan does not name"},
    "forced": {"title": "Forced", "why": "somebody chose their variant by hand, for a test or a preview"},
    "excluded": {"title": "Bots and own people", "why": "an exposure carries a dim that the plan leaves out"},
    "untriggered": {"title": "Without the trigger", "why": "they have not had the event that the plan names"},
}


def loaded(snapshot: ReportSnapshot) -> dict[str, Any]:
    """The stored document; pages render from nothing else."""
    document: dict[str, Any] = json.loads(snapshot.document)
    return document


def around(request: HttpRequest, experiment: Experiment, tab: str) -> dict[str, Any]:
    """What all tabs share: the head, the look under way or failed, unsettled trips."""
    job = newest_job(experiment.key)
    return {
        **frame(experiment, tab),
        "look_job": job,
        "is_looking": job is not None and job.state in UNFINISHED,
        "has_failed": job is not None and job.state == DEAD,
        "trips": [_trip(trip) for trip in queries.unsettled_trips(experiment.key)],
        "can_look": experiment.lifecycle_state in (State.RUNNING, State.PAUSED, State.STOPPED),
    }


def of_snapshot(
    request: HttpRequest, experiment: Experiment, snapshot: ReportSnapshot, *, is_pinned: bool
) -> dict[str, Any]:
    """The document as the page shows it, its neighbours and what has changed since the look before."""
    document = loaded(snapshot)
    viewer = request.user.get_username()
    is_blind = unblinding.is_blind(document, experiment, viewer=viewer, now=timezone.now())
    is_revealed = snapshot.sha256 in request.session.get(REVEALED, [])
    return {
        **page.present(document),
        **_neighbours(experiment.key, snapshot, document),
        "sha": snapshot.sha256,
        "is_pinned": is_pinned,
        "is_blind": is_blind,
        "is_owner": viewer == experiment.owner,
        "is_hidden": document["effects_hidden"] and not is_revealed,
        "show_effects": not is_blind and (is_revealed or not document["effects_hidden"]),
        **aftermath.standing(experiment, snapshot.sha256),
        "exports": [(f"experiment-{name}", form.title) for name, form in FORMS.items()],
        "charts": pictures.charts(document),
        "can_decide": State.DECIDED in lifecycle.ALLOWED[experiment.lifecycle_state],
    }


def before_first_look(experiment: Experiment) -> dict[str, Any]:
    """What is missing, and when the first look comes by itself."""
    if experiment.started_at is None:
        return {"first_look_at": None}
    started_at = experiments.plan(experiment.key).started_at or experiment.started_at
    return {"first_look_at": started_at + looks.FIRST_LOOK_AFTER + looks.SETTLING, "now": timezone.now()}


def newest_job(key: str) -> Job | None:
    """The newest look that was asked for, whatever became of it."""
    return ledger_queries.jobs().filter(kind=KIND, key__startswith=f"{key}/").first()


def _trip(trip: GuardrailTrip) -> dict[str, Any]:
    """A trip with its numbers in words; they are on the metric's own scale."""
    definition = trip.metric_version.definition
    effect = differences.in_words(definition, estimate=trip.estimate, low=trip.low, high=trip.high)
    limit = "" if trip.margin is None else f"; limit {differences.amount(definition, trip.margin)}"
    return {"row": trip, "title": trip.title, "effect": f"{effect}{limit}"}


def _neighbours(key: str, snapshot: ReportSnapshot, document: Mapping[str, Any]) -> dict[str, Any]:
    listed = list(queries.snapshots(key).defer("document"))
    at = next(index for index, each in enumerate(listed) if each.id == snapshot.id)
    older = listed[at + 1] if at + 1 < len(listed) else None
    before = loaded(queries.snapshot(older.sha256)) if older else None
    return {
        "snapshots": listed[:SHOWN_SNAPSHOTS],
        "older_total": max(0, len(listed) - SHOWN_SNAPSHOTS),
        "snapshot": snapshot,
        "older": older,
        "newer": listed[at - 1] if at > 0 else None,
        "is_newest": at == 0,
        "changes": changes.between(before, document) if before else [],
    }


def health_of(snapshot: ReportSnapshot) -> dict[str, Any]:
    """What the health tab shows of a document."""
    document = loaded(snapshot)
    shown = {"sha": snapshot.sha256, "snapshot": snapshot, "left_out": _funnel(snapshot.run.enrolment)}
    presented, behind = page.present(document), evidence.of_run(snapshot.run)
    chips = [{**chip, "evidence": behind.get(chip["kind"], [])} for chip in presented["chips"]]
    return {**presented, **shown, "chips": chips}


def _funnel(enrolment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Units that take part, and those that do not with the reason; looks of imported numbers know none."""
    if "units" not in enrolment:
        return []
    taking_part = {
        "title": "Take part",
        "units": sum(enrolment["units"].values()),
        "why": "counted in the report",
    }
    return [taking_part, *({**each, "units": enrolment.get(name, 0)} for name, each in LEFT_OUT.items())]
