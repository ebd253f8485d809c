"""Guardrail sets: made, changed, removed. Who changes one answers for performance."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from experiments.preflight import MAX_BLOCKING_GUARDRAILS
from governance import policy_queries as queries
from governance.models import GuardrailMember, GuardrailSet, MarginUnit
from ledger import audit
from ledger.refusals import Conflict, Problem, problem, raise_if_any, refuse
from metrics import queries as metrics
from organisation import queries as organisation
from organisation.roles import Discipline

MOST_MEMBERS = 30
FIELDS = ("metric", "blocking", "margin", "margin_unit")


@transaction.atomic
def create_guardrail_set(
    *,
    name: str,
    members: Sequence[Mapping[str, Any]],
    actor: str,
    now: datetime,
    team: str = "",
    surface: str = "",
) -> GuardrailSet:
    """A set of a surface, of a team, or of everybody when neither is named. `members` have metric, blocking,
    margin and margin_unit (metric, percent or money a year). Raises Refused with every problem."""
    _raise_if_not_performance(actor)
    if not name.strip() or len(name) > 100:
        raise refuse("name", name, "a name has 1 to 100 characters", "For example: checkout must stay fast.")
    if GuardrailSet.objects.filter(name=name.strip()).exists():
        raise Conflict(problem("name", name, "there is a set of this name", "Choose another name."))
    if team and surface:
        raise refuse("team", team, "a set has one scope", "Name a team or a surface, not both.")
    raise_if_any(_problems(members, surface))
    made = GuardrailSet.objects.create(
        name=name.strip(),
        team=organisation.team(team) if team else None,
        surface=organisation.surface(surface) if surface else None,
        created_by=actor,
        created_at=now,
    )
    _write(made, members)
    _record("guardrail_set.created", made, actor, now, after=facts(made))
    return made


@transaction.atomic
def change_guardrail_set(
    *, id: int, members: Sequence[Mapping[str, Any]], reason: str, actor: str, now: datetime
) -> GuardrailSet:
    """Other members. Drafts follow with their next change; what runs keeps its locked plan."""
    _raise_if_not_performance(actor)
    _raise_without_reason(reason)
    row = _locked(id)
    raise_if_any(_problems(members, row.surface_id or ""))
    before = facts(row)
    row.members.all().delete()
    _write(row, members)
    row = queries.guardrail_set(id)
    _record("guardrail_set.changed", row, actor, now, before=before, after=facts(row), reason=reason)
    return row


@transaction.atomic
def remove_guardrail_set(*, id: int, reason: str, actor: str, now: datetime) -> GuardrailSet:
    """It attaches nothing from now on; what is bound stays bound."""
    _raise_if_not_performance(actor)
    _raise_without_reason(reason)
    row = _locked(id)
    before = facts(row)
    row.removed_at, row.name = now, f"{row.name[:70]} (removed {now:%Y-%m-%d %H:%M:%S})"
    row.save(update_fields=["removed_at", "name"])
    _record("guardrail_set.removed", row, actor, now, before=before, reason=reason)
    return row


def facts(row: GuardrailSet) -> dict[str, Any]:
    """The set as JSON."""
    return {
        "name": row.name,
        "team": row.team_id or "",
        "surface": row.surface_id or "",
        "members": [{name: getattr(each, name) for name in FIELDS} for each in row.members.all()],
    }


def _problems(members: Sequence[Mapping[str, Any]], surface: str) -> list[Problem]:
    if not 1 <= len(members) <= MOST_MEMBERS:
        fix = "Name what must not get worse."
        return [problem("members", len(members), f"a set has 1 to {MOST_MEMBERS} metrics", fix)]
    found = [each for row in members for each in _of_member(row, surface)]
    keys = [str(row.get("metric", "")) for row in members if isinstance(row, Mapping)]
    if len(set(keys)) < len(keys):
        found.append(problem("members", keys, "a metric is named twice", "Name each once."))
    blocking = sum(bool(row.get("blocking", True)) for row in members if isinstance(row, Mapping))
    if blocking > MAX_BLOCKING_GUARDRAILS:
        fix = "Let the others raise the alarm only."
        why = f"at most {MAX_BLOCKING_GUARDRAILS} guardrails can block"
        found.append(problem("members", blocking, why, fix))
    return found


def _of_member(row: object, surface: str) -> list[Problem]:
    if not isinstance(row, Mapping) or not set(row) <= set(FIELDS) or "metric" not in row:
        fix = f"Its fields are {', '.join(FIELDS)}."
        return [problem("members", row, "this is no member", fix)]
    key = str(row["metric"])
    if key not in metrics.newest_numbers([key]):
        return [problem("members", key, "there is no metric with this key", "Metrics are in the registry.")]
    if not isinstance(row.get("blocking", True), bool):
        return [problem("members", row["blocking"], "blocking is true or false", "Write true or false.")]
    return _of_margin(key, row.get("margin"), str(row.get("margin_unit", MarginUnit.PERCENT)), surface)


def _of_margin(key: str, margin: object, unit: str, surface: str) -> list[Problem]:
    if unit not in MarginUnit.values:
        fix = f"Units are {', '.join(MarginUnit.values)}."
        return [problem("members", unit, "there is no such unit of a margin", fix)]
    if margin is None:
        return _without_margin(key)
    is_number = isinstance(margin, int | float) and not isinstance(margin, bool)
    if not is_number or not math.isfinite(float(str(margin))) or float(str(margin)) <= 0:
        return [problem("members", margin, "a margin is a number above zero", "For example 5 for 5 %.")]
    if unit != MarginUnit.MONEY:
        return []
    if not surface:
        fix = "Make a set of the surface, or state the margin in per cent."
        return [problem("members", key, "prices belong to surfaces, so money needs one", fix)]
    if queries.margin_of_money(surface, key, float(str(margin))) is None:
        why = f"no current price turns money into {key} on {surface}"
        fix = "Only times have a price, and only while an estimate of grade A or B holds (page Impact)."
        return [problem("members", margin, why, fix)]
    return []


def _without_margin(key: str) -> list[Problem]:
    if metrics.version(key).definition.margin is not None:
        return []
    fix = "State the largest loss accepted."
    return [problem("members", key, "neither the set nor the metric states a margin", fix)]


def _write(made: GuardrailSet, members: Sequence[Mapping[str, Any]]) -> None:
    GuardrailMember.objects.bulk_create(
        GuardrailMember(set=made, position=position, **row) for position, row in enumerate(members)
    )


def _locked(set_id: int) -> GuardrailSet:
    queries.guardrail_set(set_id)
    return GuardrailSet.objects.select_for_update().get(id=set_id)


def _raise_if_not_performance(actor: str) -> None:
    if not organisation.may_answer_for(actor, Discipline.PERFORMANCE):
        why = "guardrail sets are the performance discipline's"
        raise refuse("actor", actor, why, "Ask a reviewer of performance; see People and roles.")


def _raise_without_reason(reason: str) -> None:
    if not reason.strip():
        raise refuse("reason", reason, "changing a guardrail set needs a reason", "Write one sentence.")


def _record(
    action: str,
    row: GuardrailSet,
    actor: str,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    subject = f"guardrail_set:{row.id}"
    audit.record(
        now=now, actor=actor, action=action, subject=subject, before=before, after=after, reason=reason
    )
