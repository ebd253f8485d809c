"""The next question after this one: a new draft with the same plan, linked to the experiment it follows."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from experiments import queries
from experiments.models import Experiment
from experiments.services.drafting import bind_metric, create
from experiments.services.transitions import Act, locked_row, note


@transaction.atomic
def follow_on(*, key: str, new_key: str, actor: str, now: datetime, title: str = "") -> Experiment:
    """A draft `new_key` with the plan of `key`: to go on, to try again, or to run a variation of it."""
    before = locked_row(key)
    version = queries.newest_version(before)
    draft = replace(queries.draft(before, version), title=title or before.title, owner=actor)
    if draft.backup_owner == actor:
        draft = replace(draft, backup_owner="")
    after = create(key=new_key, content=draft.to_dict(), actor=actor, now=now)
    after.follows = before
    after.save(update_fields=["follows"])
    bind_like(key, new_key, actor=actor, now=now)
    note(after, "follows", Act(actor, now), after={"experiment": key})
    return after


def bind_like(key: str, new_key: str, *, actor: str, now: datetime) -> None:
    """Bind the metrics of one experiment's plan to the draft of another, in the same roles and versions."""
    before = queries.experiment(key)
    for bound in queries.candidate(before, queries.newest_version(before)).bindings:
        content = {
            "metric": bound.metric,
            "version": bound.metric_version,
            "role": bound.role.value,
            "blocking": bound.blocking,
            "margin": bound.margin.to_dict() if bound.margin else None,
            "gain": bound.gain.to_dict() if bound.gain else None,
        }
        bind_metric(key=new_key, content=content, actor=actor, now=now)
