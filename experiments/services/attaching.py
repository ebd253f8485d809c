"""Guardrails that a policy attaches: bound by themselves, as strict as the policy says."""

from experiments import preflight, queries
from experiments.models import Experiment, ExperimentVersion, MetricBinding
from experiments.plan import Role
from experiments.preflight import Required
from experiments.services.transitions import Act, note
from ledger.refusals import refuse
from metrics import queries as metric_queries

WATCHED = (Role.PRIMARY, Role.SUCCESS)
"""Roles in which an attached metric may stand instead."""


def attach(experiment: Experiment, version: ExperimentVersion, act: Act) -> None:
    """Bind what the organisation, the team and the surface attach; the policy's limits stand."""
    changed = [each for each in queries.required_of(experiment) if _bind(version, each)]
    if changed:
        version.refresh_from_db(fields=["bindings"])
        after = {"metrics": {each.metric: each.of for each in changed}}
        note(experiment, "guardrails.attached", act, after=after)


def raise_if_attached(experiment: Experiment, metric: str) -> None:
    """Refuse to take off what a policy attached."""
    found = next((each for each in queries.required_of(experiment) if each.metric == metric), None)
    if found is not None:
        fix = "Ask the performance discipline for a waiver on the page Guardrails."
        raise refuse("metric", metric, f"this guardrail is attached by {found.of}", fix)


def _bind(version: ExperimentVersion, asked: Required) -> bool:
    """Whether something had to be changed."""
    row = version.bindings.filter(metric=asked.metric).first()
    if row is not None and row.role in WATCHED:
        return False
    before = None if row is None else _said(row)
    if row is None:
        newest = metric_queries.version(asked.metric)
        row = MetricBinding(version=version, metric_version_id=newest.id, metric=asked.metric)
    row.role = Role.GUARDRAIL
    _set_limits(row, asked)
    if _said(row) == before:
        return False
    row.save()
    return True


def _set_limits(row: MetricBinding, asked: Required) -> None:
    """A metric that may not block, one of tier alpha for example, raises the alarm only."""
    bound = metric_queries.by_ids([row.metric_version_id])[row.metric_version_id]
    margin = asked.margin or row.stated_margin or bound.definition.margin
    if margin is not None:
        row.margin, row.margin_relative = margin.value, margin.relative
    row.blocking = asked.blocking
    if any(preflight.misfits(queries.planned_binding(row, bound))):
        row.blocking = False


def _said(row: MetricBinding) -> tuple[object, ...]:
    return row.role, row.blocking, row.margin, row.margin_relative
