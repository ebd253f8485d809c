"""The way to 100 %: one page from the decision to the last line of clean-up."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from experiments import follow_up, queries, services, status
from experiments.lifecycle import State
from experiments.models import Experiment, Rollout, Taken
from experiments.pages.acting import by
from experiments.pages.again import Again, shown_again
from experiments.pages.detail import frame
from experiments.plan import WHOLE_PPM
from experiments.services.rolling_out import FOLLOW_UP_AFTER, STEPS
from experiments.status import Effect
from flags import queries as flag_queries
from flags import ramp, references
from flags.pages.ramps import strip
from ledger.refusals import refuse

REFERENCES_SHOWN = 20
TYPED = ("arm", "plan", "holdback", "follow_up_on", "reason")


def rollout(request: HttpRequest, key: str) -> HttpResponse:
    """GET shows where it is; POST prepares it."""
    return prepare(request, key) if request.method == "POST" else page(request, key)


def page(request: HttpRequest, key: str, again: Again | None = None) -> HttpResponse:
    """Where the roll-out is and what can be done next; `again` when that was refused."""
    experiment = queries.experiment(key)
    is_preparing = again is not None and again.at == reverse("experiment-rollout", args=[key])
    typed = {name: again.typed.get(name, "") if again and is_preparing else "" for name in TYPED}
    context = {
        **frame(experiment, "rollout"),
        **_steps(experiment),
        **_promise(queries.rollout(experiment)),
        **_preparing(experiment, typed),
        "clean_up": queries.clean_up(experiment),
        "references": references.of_flag(experiment.flag)[:REFERENCES_SHOWN] if experiment.flag else [],
        "is_scanned": references.is_scanned(),
        "again": again,
    }
    return render(request, "experiments/rollout.html", context)


@shown_again(page)
def prepare(request: HttpRequest, key: str) -> HttpResponse:
    typed = {name: request.POST.get(name, "").strip() for name in TYPED}
    services.prepare_rollout(key=key, **_asked(typed), **by(request))
    messages.success(request, "The roll-out is prepared; nobody sees anything yet.")
    return redirect("experiment-rollout", key=key)


@require_POST
@shown_again(page)
def check_off(request: HttpRequest, key: str, item: str) -> HttpResponse:
    services.check_off(key=key, item=item, reason=request.POST.get("reason", ""), **by(request))
    messages.success(request, "Checked off.")
    return redirect("experiment-rollout", key=key)


def _steps(experiment: Experiment) -> dict[str, Any]:
    """Where it is, and which buttons there are."""
    found, decision = queries.rollout(experiment), queries.decision(experiment.key)
    state = experiment.lifecycle_state
    is_shipped = decision is not None and decision.taken == Taken.SHIP
    is_left = queries.clean_up(experiment).filter(done_at__isnull=True).exists()
    return {
        "decision": decision,
        "rollout": found,
        "strip": strip(ramp.of_rows(found.steps), _step_of(found)) if found else [],
        "can_prepare": is_shipped and state is State.DECIDED,
        "can_start": found is not None and state is State.DECIDED,
        "can_finish": found is not None and found.started_at is not None and found.finished_at is None,
        "can_follow_up": found is not None and found.started_at is not None and found.followed_up_at is None,
        "can_close": state in {State.DECIDED, State.ROLLING_OUT} and not is_left,
    }


def _step_of(found: Rollout) -> int:
    """The step it is at, -1 before the start."""
    if found.finished_at is not None:
        return len(found.steps)
    if found.ramp is not None:
        return found.ramp.step
    if found.holdback is None:
        return -1 if found.started_at is None else 0
    grown = found.holdback.ramps.first()
    return 0 if grown is None else grown.step


def _promise(found: Rollout | None) -> dict[str, Any]:
    """Predicted beside realised: as it was kept, or as the hold-back shows it now."""
    if found is None:
        return {}
    predicted = Effect.from_dict(found.predicted) if found.predicted else None
    realised = Effect.from_dict(found.realised) if found.realised else None
    if realised is None and found.followed_up_at is None and found.holdback is not None:
        realised = status.effect(found.holdback.key, found.arm)
    agreed = follow_up.compare(predicted, realised)
    is_due = found.followed_up_at is None and found.follow_up_on <= timezone.now().date()
    return {"predicted": predicted, "realised": realised, "agreed": agreed, "is_due": is_due}


def _preparing(experiment: Experiment, typed: dict[str, str]) -> dict[str, Any]:
    """What the form offers."""
    usual = (timezone.now() + FOLLOW_UP_AFTER).date().isoformat()
    plan = queries.plan(experiment.key) if experiment.started_at else None
    decision = queries.decision(experiment.key)
    decided = decision.arm if decision else ""
    return {
        "typed": {**typed, "follow_up_on": typed["follow_up_on"] or usual},
        "treatments": [arm for arm in plan.treatments if decided in {"", arm.key}] if plan else [],
        "plans": flag_queries.ramp_plans(),
        "usual": strip(ramp.read_steps(list(STEPS))),
    }


def _asked(typed: dict[str, str]) -> dict[str, Any]:
    return {
        "arm": typed["arm"],
        "plan": typed["plan"],
        "holdback_ppm": _holdback_ppm(typed["holdback"]),
        "follow_up_on": _day(typed["follow_up_on"]),
        "reason": typed["reason"],
    }


def _holdback_ppm(text: str) -> int:
    try:
        return int(Decimal(text or "0") * (WHOLE_PPM // 100))
    except (InvalidOperation, ValueError, OverflowError):
        raise refuse("holdback", text, "this is not a percentage", "Write 0, or 1 to 5.") from None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise refuse("follow_up_on", text, "this is not a day", "Write it like 2026-01-31.") from None
