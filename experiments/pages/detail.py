"""One experiment: its plan with the checklist, its history, and the page where a decision is recorded."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from experiments import lifecycle, next_step, preflight, preflight_queries, queries, status, words
from experiments.changes import ChangeState
from experiments.lifecycle import State
from experiments.models import Experiment, ExperimentVersion, Rollout, Taken, VersionState
from experiments.next_step import AfterDecision, BeforeStart, Next
from experiments.pages.again import Again
from experiments.pages.forms import BindForm
from experiments.plan import LockedPlan, Role
from flags import queries as flag_queries
from flags import ramp
from flags.pages.ramps import strip
from ledger import queries as ledger_queries
from metrics import queries as metric_queries
from metrics import words as metric_words

ROWS_A_PAGE = 50


def plan(request: HttpRequest, key: str, again: Again | None = None) -> HttpResponse:
    """The plan with its checklist and the steps that are possible now; `again` when one was refused."""
    experiment = queries.experiment(key)
    version = queries.newest_version(experiment)
    context = {
        **frame(experiment, "plan"),
        **_plan(experiment, version),
        **_moving(experiment),
        **_steps(experiment, version),
        "again": again,
        "requires_review": flag_queries.requires_review(experiment.environment),
    }
    if again is not None and again.at == reverse("experiment-bind", args=[key]):
        context["bind"] = BindForm(again.typed, titles=metric_queries.titles())
    return render(request, "experiments/plan.html", context)


def history(request: HttpRequest, key: str) -> HttpResponse:
    experiment = queries.experiment(key)
    audit = ledger_queries.audit_of(f"experiment:{key}")
    context = {
        **frame(experiment, "history"),
        "rows": Paginator(audit, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "phases": queries.phases(key),
        "versions": queries.versions(key),
        "decision": queries.decision(key),
    }
    return render(request, "experiments/history.html", context)


def decide(request: HttpRequest, key: str, again: Again | None = None) -> HttpResponse:
    """The form of the decision, for the report that `snapshot` names."""
    experiment = queries.experiment(key)
    sha256 = again.typed.get("snapshot_sha256", "") if again else request.GET.get("snapshot", "")
    planned = queries.candidate(experiment, queries.newest_version(experiment))
    context = {
        "sha256": sha256,
        "snapshot": status.snapshot(sha256),
        "taken": Taken.choices,
        "treatments": planned.treatments,
        "is_production": flag_queries.is_production(experiment.environment),
        "again": again,
    }
    return render(request, "experiments/decide.html", {**frame(experiment, "decide"), **context})


def frame(experiment: Experiment, tab: str) -> dict[str, Any]:
    """What the head of every tab shows."""
    state = experiment.lifecycle_state
    pill = status.pills([(experiment.key, state)])[experiment.key]
    step = _next(experiment, state, pill.tone)
    return {
        "experiment": experiment,
        "tab": tab,
        "state": state,
        "has_started": state in lifecycle.STARTED,
        "is_decided": state in {State.DECIDED, State.ROLLING_OUT, State.CLOSED},
        "pill": pill,
        "next_step": step,
        "next_address": _address(experiment, step, tab) if step else "",
    }


def _next(experiment: Experiment, state: State, tone: str) -> Next | None:
    """What comes next; None when nothing does."""
    if state in {State.CLOSED, State.INVALID}:
        return None
    if state in {State.DECIDED, State.ROLLING_OUT}:
        return next_step.after_decision(state, _after_decision(experiment))
    if state in lifecycle.STARTED:
        return next_step.in_run(state, tone)
    version = queries.newest_version(experiment)
    gaps = preflight.blockers(preflight.checklist(preflight_queries.context(experiment, version)))
    needs_review = experiment.assigned_here and flag_queries.requires_review(experiment.environment)
    starts_at = experiment.scheduled_start_at
    at = BeforeStart(len(gaps), needs_review, version.submitted_by, starts_at)
    return next_step.before_start(state, at)


def _after_decision(experiment: Experiment) -> AfterDecision:
    decision, found = queries.decision(experiment.key), queries.rollout(experiment)
    ramping = _ramp_under_way(found) if found else None
    return AfterDecision(
        is_shipped=decision is not None and decision.taken == Taken.SHIP,
        is_prepared=found is not None,
        is_under_way=found is not None and found.started_at is not None and found.finished_at is None,
        is_ramping=ramping is not None,
        waits_for=ramping or "",
        left=queries.clean_up(experiment).filter(done_at__isnull=True).count(),
    )


def _ramp_under_way(found: Rollout) -> str | None:
    """What the open ramp of the flag waits for; None when there is none."""
    return found.ramp.waits_for if found.ramp is not None and found.ramp.is_open else None


def _address(experiment: Experiment, step: Next, tab: str) -> str:
    """Where the step is taken; empty when that is the page itself, or when there is only waiting."""
    if step.page == "flag":
        place = f"?environment={experiment.environment}#ramp-head"
        return f"{reverse('flag', args=[experiment.flag])}{place}"
    if not step.label or (step.page == "experiment-report" and tab == "report"):
        return ""
    return reverse(step.page, args=[experiment.key]) + (f"#{step.at}" if step.at else "")


def _plan(experiment: Experiment, version: ExperimentVersion) -> dict[str, Any]:
    planned = queries.candidate(experiment, version)
    titles = metric_queries.titles()
    hypothesis, named = planned.hypothesis, planned.hypothesis.metric
    units = {binding.metric: binding.definition.unit for binding in planned.bindings}
    items = preflight.checklist(preflight_queries.context(experiment, version))
    return {
        "version": version,
        "plan": planned,
        "sentence": words.sentence(hypothesis, titles.get(named, ""), units.get(named, "")),
        "bindings": [_bound(binding) for binding in planned.bindings],
        "checklist": items,
        "blockers": preflight.blockers(items),
        "phase": queries.open_phase(experiment.key),
        "bind": BindForm(titles=titles, initial=_to_bind(planned, titles)) if titles else None,
    }


def _to_bind(planned: LockedPlan, titles: Mapping[str, str]) -> dict[str, Any]:
    """What the form of a metric begins with: the hypothesis's own as primary, guardrails after it."""
    named = planned.hypothesis.metric
    if any(binding.role is Role.PRIMARY for binding in planned.bindings):
        bound = {binding.metric for binding in planned.bindings}
        named = next((metric for metric in titles if metric not in bound), "")
        return {"metric": named, "role": Role.GUARDRAIL}
    return {"metric": named, "role": Role.PRIMARY}


def _moving(experiment: Experiment) -> dict[str, Any]:
    """What changes by itself or waits for somebody."""
    change, run = queries.open_change(experiment), queries.open_ramp(experiment)
    steps = ramp.of_rows(run.steps) if run else ()
    coming = (n for n, step in enumerate(steps) if run and n > run.step and step.needs_approval)
    return {
        "change": change,
        "can_apply": change is not None and change.change_state is ChangeState.APPROVED,
        "ramp": run,
        "ramp_steps": strip(steps, run.step, run.approved_steps) if run else [],
        "to_approve": next((n for n in coming if run and n not in run.approved_steps), None),
        "ramp_plans": flag_queries.ramp_plans(),
    }


def _bound(binding: Any) -> dict[str, Any]:
    unit = binding.definition.unit
    return {
        "binding": binding,
        "margin": metric_words.amount(binding.margin, unit),
        "gain": metric_words.amount(binding.gain, unit),
    }


def _steps(experiment: Experiment, version: ExperimentVersion) -> dict[str, bool]:
    """Which forms the page offers."""
    state, is_draft = experiment.lifecycle_state, version.state == VersionState.DRAFT
    is_revision = is_draft and state in lifecycle.EXPOSING
    return {
        "can_edit": is_draft and (state is State.DRAFT or is_revision),
        "can_submit": state is State.DRAFT,
        "can_approve": state is State.IN_REVIEW,
        "can_send_back": State.DRAFT in lifecycle.ALLOWED[state],
        "can_schedule": State.SCHEDULED in lifecycle.ALLOWED[state],
        "can_unschedule": state is State.SCHEDULED,
        "can_pause": state is State.RUNNING,
        "can_resume": state is State.PAUSED,
        "can_stop_later": state in lifecycle.EXPOSING,
        "can_start": State.RUNNING in lifecycle.ALLOWED[state] and experiment.started_at is None,
        "can_revise": state in lifecycle.EXPOSING and not is_draft,
        "is_revision": is_revision,
        "can_widen": state is State.RUNNING and not is_revision,
        "can_stop": State.STOPPED in lifecycle.ALLOWED[state],
        "can_invalidate": State.INVALID in lifecycle.ALLOWED[state],
        "can_decide": State.DECIDED in lifecycle.ALLOWED[state],
    }
