"""After the decision: what is to be cleaned up, and the end of the experiment."""

from datetime import datetime

from django.db import transaction

from experiments import queries
from experiments.lifecycle import State
from experiments.models import CleanUp, Decision, Experiment, Taken
from experiments.services.transitions import Act, locked_row, move, note
from ledger.refusals import Conflict, NotFound, problem

ALWAYS = (
    ("targets", "Remove forced variants and targets that only the experiment needed"),
    ("learning", "Write down what was learned, also when nothing changed"),
)
SHIPPED = (
    ("code", "Remove the code of the arms that were not shipped, and the question to the flag"),
    ("flag", "Archive the flag when no code asks for it any more"),
)
NOT_SHIPPED = (
    ("code", "Remove the code of the treatments and the question to the flag"),
    ("flag", "Archive the flag when no code asks for it any more"),
)


def list_clean_up(experiment: Experiment, decision: Decision) -> None:
    """The checklist that follows the decision. Runs inside its transaction; twice is the same as once."""
    if decision.taken in {Taken.ITERATE, Taken.EXTEND}:
        items: tuple[tuple[str, str], ...] = ALWAYS
    else:
        items = (*(SHIPPED if decision.taken == Taken.SHIP else NOT_SHIPPED), *ALWAYS)
    rows = [CleanUp(experiment=experiment, code=code, title=title) for code, title in items]
    CleanUp.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def check_off(*, key: str, item: str, actor: str, now: datetime, reason: str = "") -> CleanUp:
    """One thing is done, or not needed for a stated reason."""
    experiment = locked_row(key)
    row = queries.clean_up(experiment).filter(code=item).first()
    if row is None:
        known = ", ".join(queries.clean_up(experiment).values_list("code", flat=True)) or "none"
        raise NotFound(problem("item", item, "this is not on the clean-up list", f"Listed are: {known}."))
    if row.done_at is not None:
        raise Conflict(problem("item", item, f"{row.done_by} did this at {row.done_at:%F %H:%M}"))
    row.done_by, row.done_at, row.note = actor, now, reason
    row.save(update_fields=["done_by", "done_at", "note"])
    note(experiment, "clean_up.done", Act(actor, now, reason), after={"item": item})
    return row


@transaction.atomic
def close(*, key: str, actor: str, now: datetime, reason: str = "") -> Experiment:
    """The end: decided, rolled out when it was shipped, and cleaned up. Raises Conflict with what is left."""
    experiment = locked_row(key)
    left = list(queries.clean_up(experiment).filter(done_at__isnull=True))
    if left:
        why = f"not cleaned up yet: {', '.join(row.code for row in left)}"
        raise Conflict(problem("clean_up", len(left), why, "Do it, or say why it is not needed."))
    rollout = queries.rollout(experiment)
    if rollout is not None and rollout.started_at is not None and rollout.finished_at is None:
        raise Conflict(problem("rollout", key, "the roll-out is under way", "Finish it first."))
    move(experiment, State.CLOSED, "closed", Act(actor, now, reason))
    return experiment
