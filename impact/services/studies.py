"""Ablation studies: proposed within caps, approved by three people, started as an experiment, ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from events import queries as events_known
from events import services as events
from events.labels import Direction, Label, LabelKind
from experiments import queries as experiments
from experiments import services as experiment_services
from experiments.lifecycle import EXPOSING
from flags import queries as flags
from flags import services as flag_services
from impact import caps, queries
from impact.caps import Approver, Proposal
from impact.models import AblationStudy, StudyApproval, StudyState
from impact.models.study import OPEN
from ledger import audit
from ledger.refusals import Conflict, Problem, problem, raise_if_any, refuse
from metrics import queries as metrics
from metrics import services as metric_services
from metrics.reading import SLUG, SLUG_RULE
from organisation import queries as organisation

WHOLE = 1_000_000
PLACEBO, UNTOUCHED = "placebo", "untouched"
APART = -1
"""The value of the flag in the untouched group, which SDKs do nothing for."""
LAYER = "ablations"
TAKEN = ("new", "planner")
"""Addresses of other pages."""
DELIVERED = "delivered-delay"
DELAY_EVENT = "injected-delay"
LEAST_FOLLOWED = timedelta(days=14)
DELIVERED_METRIC = f"""\
key = "{DELIVERED}"
title = "Delay that reached users"
question = "How much longer did a request take because of the study?"
kind = "ratio"
unit = "ms"
direction = "none"
owner = "headway"
tier = "beta"
hypothesis = "It equals the dose where the delay reaches everybody, and 0 without one."

[source]
event = "{DELAY_EVENT}"
value = "value"

[denominator]
event = "{DELAY_EVENT}"
value = "count"
"""


@transaction.atomic
def propose_study(
    *,
    key: str,
    title: str,
    surface: str,
    doses_ms: Sequence[int],
    share_ppm: int,
    days: int,
    exposures: int,
    ethics: str,
    actor: str,
    now: datetime,
    environment: str = "production",
    concurrent: int = 20,
    guardrails: Sequence[str] = (),
    exclusions: Sequence[dict[str, Any]] = (),
    dimensions: Sequence[str] = (),
) -> AblationStudy:
    """A study to be approved. The surface's value model says which outcome it measures and what it costs.

    `exclusions` are conditions in the format of flags: users who fit one are never slowed down. Raises
    Refused with every cap it breaks, Conflict while another study on the surface is open.
    """
    proposal = Proposal(tuple(sorted(doses_ms)), share_ppm, days, exposures, concurrent)
    raise_if_any([*_key_problems(key, title, ethics), *caps.problems(proposal)])
    model = queries.value_model(surface)
    if model is None:
        organisation.surface(surface)
        raise refuse(
            "surface", surface, "it has no value model", "Say what it brings in, so that cost is known."
        )
    _check_free(surface, key)
    for metric in (model.outcome, *guardrails):
        metrics.version(metric)
    yearly = queries.as_value(model).per_year().value
    made = AblationStudy.objects.create(
        key=key,
        title=title.strip(),
        surface=model.surface,
        environment=flags.environment(environment).key,
        outcome=model.outcome,
        guardrails=list(guardrails),
        doses_ms=list(proposal.doses_ms),
        longest_ms=max(proposal.doses_ms),
        share_ppm=share_ppm,
        days=days,
        budget=exposures,
        concurrent=concurrent,
        exclusions=list(exclusions),
        dimensions=list(dimensions),
        ethics=ethics.strip(),
        predicted_cost_minor=caps.predicted_cost(yearly_minor=yearly, proposal=proposal),
        currency=model.currency,
        created_by=actor,
        created_at=now,
    )
    _record("ablation.proposed", made, actor, now, ethics)
    return made


@transaction.atomic
def approve_study(*, key: str, capacity: str, actor: str, now: datetime) -> AblationStudy:
    """Consent in one capacity, knowing the predicted cost. With the last one the study is approved.

    Nobody consents twice or to their own study; owners are those of the surface and of the outcome, or their
    backups.
    """
    row = _locked(key, StudyState.PROPOSED)
    if capacity not in set(Approver):
        fix = f"Capacities are {', '.join(Approver)}."
        raise refuse("capacity", capacity, "nobody consents in this capacity", fix)
    _check_approver(row, Approver(capacity), actor)
    StudyApproval.objects.create(
        study=row, capacity=capacity, by=actor, at=now, cost_minor=row.predicted_cost_minor
    )
    given = set(row.approvals.values_list("capacity", flat=True))
    if given >= {each.value for each in caps.needed_approvals(as_proposal(row))}:
        row.state = StudyState.APPROVED
        row.save(update_fields=["state"])
    _record("ablation.approved", row, actor, now, capacity)
    return row


@transaction.atomic
def withdraw_study(*, key: str, reason: str, actor: str, now: datetime) -> AblationStudy:
    """Give up a study that has not begun."""
    row = _locked(key, StudyState.PROPOSED, StudyState.APPROVED)
    if not reason.strip():
        raise refuse("reason", reason, "this is empty", "Say why.")
    row.state, row.end_reason, row.ended_at = StudyState.WITHDRAWN, reason.strip(), now
    row.save(update_fields=["state", "end_reason", "ended_at"])
    _record("ablation.withdrawn", row, actor, now, reason)
    return row


@transaction.atomic
def start_study(*, key: str, actor: str, now: datetime) -> AblationStudy:
    """Make the flag, the layer and the experiment, and begin to slow users down.

    Raises Conflict before it is approved, Refused with every gap of the experiment's checklist.
    """
    row = _locked(key, StudyState.APPROVED)
    _make_layer(row, now)
    _make_flag(row, actor, now)
    _make_experiment(row, actor, now)
    row.state, row.began_at, row.ends_at = StudyState.RUNNING, now, now + timedelta(days=row.days)
    row.save(update_fields=["state", "began_at", "ends_at"])
    events.add_label(label=_label(row), actor=actor, now=now)
    _record("ablation.started", row, actor, now, "")
    return row


@transaction.atomic
def end_study(*, key: str, reason: str, actor: str, now: datetime) -> AblationStudy:
    """The kill switch: no budget is granted any more, the flag is off, the experiment stopped.

    SDKs stop at their next refresh; the outcome is measured on for as long as the study ran.
    """
    row = _locked(key, StudyState.RUNNING)
    flag_services.switch_off(
        flag=row.key, environment=row.environment, reason=reason or "the study ended", actor=actor, now=now
    )
    if experiments.experiment(row.key).lifecycle_state in EXPOSING:
        experiment_services.stop(key=row.key, reason=reason or "the study ended", actor=actor, now=now)
    ran = now - row.began_at if row.began_at is not None else timedelta()
    row.state, row.ended_at, row.end_reason = StudyState.FOLLOWED, now, reason.strip()
    row.follow_until = now + max(ran, LEAST_FOLLOWED)
    row.save(update_fields=["state", "ended_at", "end_reason", "follow_until"])
    for label in events_known.labels(kind=LabelKind.INJECTION.value).filter(origin=f"ablation:{row.key}"):
        events.end_label(label_id=label.id, ended_at=now, actor=actor, now=now)
    _record("ablation.ended", row, actor, now, reason)
    return row


def as_proposal(row: AblationStudy) -> Proposal:
    return Proposal(tuple(row.doses_ms), row.share_ppm, row.days, row.budget, row.concurrent)


def variant_of(dose_ms: int) -> str:
    """The variant and arm of a dose: placebo, or d100."""
    return f"d{dose_ms}" if dose_ms else PLACEBO


def _make_flag(row: AblationStudy, actor: str, now: datetime) -> None:
    variants = {PLACEBO: 0, UNTOUCHED: APART, **{variant_of(dose): dose for dose in row.doses_ms}}
    flag_services.create_flag(
        key=row.key,
        value_type="number",
        kind="ablation",
        title=row.title,
        owner=row.created_by,
        variants=variants,
        default=PLACEBO,
        in_environments=[row.environment],
        reason=f"ablation study {row.key}",
        actor=actor,
        now=now,
    )
    if row.exclusions:
        _leave_out(row, actor, now)


def _leave_out(row: AblationStudy, actor: str, now: datetime) -> None:
    """A rule before the study's: whoever fits one of the exclusions gets no delay and is in no arm."""
    flag = flags.flag(row.key)
    live = flags.live_version(flag, flags.environment(row.environment))
    rule = {"id": "left-out", "when": {"any": row.exclusions}, "variant": PLACEBO}
    definition = {**(live.definition if live is not None else {}), "rules": [rule]}
    place: dict[str, Any] = {"flag": row.key, "environment": row.environment, "actor": actor, "now": now}
    draft = flag_services.save_draft(**place, definition=definition)
    flag_services.publish(**place, version=draft.number, seen=draft.checksum, reason="who is left out")


def _make_experiment(row: AblationStudy, actor: str, now: datetime) -> None:
    by: dict[str, Any] = {"actor": row.created_by, "now": now}
    if not metrics.metrics().filter(key=DELIVERED).exists():
        metric_services.load_definitions(texts={"delivered.toml": DELIVERED_METRIC}, **by)
    experiment_services.create(key=row.key, content=_content(row), **by)
    bindings: list[dict[str, Any]] = [
        {"metric": row.outcome, "role": "primary", "gain": {"value": 0.001, "relative": True}},
        {"metric": DELIVERED, "role": "diagnostic"},
        *({"metric": metric, "role": "guardrail", "blocking": False} for metric in row.guardrails),
    ]
    for binding in bindings:
        experiment_services.bind_metric(key=row.key, content=binding, **by)
    experiment_services.submit(key=row.key, **by)
    experiment_services.approve(key=row.key, actor=actor, now=now, reason="approved as an ablation study")
    experiment_services.start(key=row.key, actor=actor, now=now)


def _make_layer(row: AblationStudy, now: datetime) -> None:
    """All studies share one layer, so that nobody is slowed down by two of them."""
    if not flags.layers().filter(key=LAYER).exists():
        flag_services.create_layer(key=LAYER, actor=row.created_by, now=now)


def _coverage(row: AblationStudy) -> int:
    return as_proposal(row).coverage_ppm


def _content(row: AblationStudy) -> dict[str, Any]:
    return {
        "title": row.title,
        "owner": row.created_by,
        "kind": "ablation",
        "flag": row.key,
        "environment": row.environment,
        "surface": row.surface.key,
        "team": row.surface.team.key,
        "layer": LAYER,
        "dimensions": row.dimensions,
        "layer_share_ppm": _coverage(row),
        "min_days": min(7, row.days),
        "max_days": row.days,
        "hypothesis": {
            "change": f"Up to {max(row.doses_ms)} ms of delay on {row.surface.name}",
            "audience": f"{_coverage(row) / 10_000:g} % of users",
            "metric": row.outcome,
            "direction": "down",
            "expected": {"value": 0.003 * max(row.doses_ms) / 100, "relative": True},
            "mechanism": "users leave while they wait",
            "refuted_if": f"{row.outcome} does not fall with the delay",
        },
        "arms": _arms(row),
    }


def _arms(row: AblationStudy) -> list[dict[str, Any]]:
    """The placebo, the doses, and the untouched group, which has none; all of the same size."""
    arms = [(variant_of(dose), dose) for dose in (0, *row.doses_ms)] + [(UNTOUCHED, None)]
    weights = [WHOLE // len(arms)] * len(arms)
    weights[0] += WHOLE - sum(weights)
    return [
        {
            "key": key,
            "variant": key,
            "weight_ppm": weight,
            "role": "control" if key == PLACEBO else "treatment",
            **({} if dose is None else {"dose_ms": dose}),
        }
        for (key, dose), weight in zip(arms, weights, strict=True)
    ]


def _label(row: AblationStudy) -> Label:
    return Label(
        kind=LabelKind.INJECTION,
        title=f"Ablation study: {row.title}"[:200],
        started_at=row.began_at,  # type: ignore[arg-type]
        expected={row.outcome: Direction.DOWN},
        origin=f"ablation:{row.key}",
    )


def _check_free(surface: str, key: str) -> None:
    open_one = AblationStudy.objects.filter(surface__key=surface, state__in=OPEN).first()
    if open_one is not None:
        why = f"the study {open_one.key} is open there"
        raise Conflict(problem("surface", surface, why, "Wait until it has ended."))
    if AblationStudy.objects.filter(key=key).exists() or flags.flags().filter(key=key).exists():
        raise Conflict(problem("key", key, "there is a study or flag with this key", "Choose another."))


def _check_approver(row: AblationStudy, capacity: Approver, actor: str) -> None:
    if actor == row.created_by:
        raise Conflict(problem("actor", actor, "who proposed a study does not approve it", "Ask them."))
    if row.approvals.filter(by=actor).exists():
        raise Conflict(problem("actor", actor, "this person consented already", "Ask somebody else."))
    if row.approvals.filter(capacity=capacity).exists():
        raise Conflict(problem("capacity", capacity.value, "this consent was given already"))
    allowed = who_may_consent(row, capacity)
    if allowed and actor not in allowed:
        fix = f"Ask {' or '.join(sorted(allowed))}."
        raise Conflict(problem("actor", actor, f"this is not the {capacity.value.replace('_', ' ')}", fix))


def who_may_consent(row: AblationStudy, capacity: Approver) -> set[str]:
    """Who may consent in a capacity; empty for everybody else but the proposer."""
    if capacity is Approver.SURFACE_OWNER:
        return {row.surface.owner, row.surface.backup} - {""}
    if capacity is Approver.METRIC_OWNER:
        definition = metrics.version(row.outcome).definition
        return {definition.owner, definition.backup_owner} - {""}
    return set()


def _key_problems(key: str, title: str, ethics: str) -> list[Problem]:
    found = []
    if not SLUG.fullmatch(key) or key in TAKEN:
        found.append(problem("key", key, "this is not a key", SLUG_RULE))
    if not title.strip() or len(title) > 200:
        found.append(problem("title", title, "a title has 1 to 200 characters", "Name the study."))
    if len(ethics.strip()) < 20:
        fix = "Say who is slowed down, why it is worth it, and who is left out."
        found.append(problem("ethics", ethics, "this is too short", fix))
    return found


def _locked(key: str, *states: StudyState) -> AblationStudy:
    queries.study(key)
    row = AblationStudy.objects.select_for_update(of=("self",)).select_related("surface__team").get(key=key)
    if row.state not in states:
        raise Conflict(problem("state", row.state, f"the study is {row.state}"))
    return row


def _record(action: str, row: AblationStudy, actor: str, now: datetime, reason: str) -> None:
    facts = {
        "state": row.state,
        "surface": row.surface.key,
        "doses_ms": row.doses_ms,
        "share_ppm": row.share_ppm,
        "budget": row.budget,
        "spent": row.spent,
        "predicted_cost_minor": row.predicted_cost_minor,
    }
    audit.record(
        now=now, actor=actor, action=action, subject=f"experiment:{row.key}", after=facts, reason=reason
    )
