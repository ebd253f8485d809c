"""Conditions of an approval: open until somebody of the discipline says that they are met."""

from datetime import datetime

from django.db import transaction

from governance import review_queries as queries
from governance.models import LaunchReview, SignOffAnswer
from governance.services.reviews import raise_if_may_not_answer, record
from ledger.refusals import Conflict, problem, refuse

LONGEST = 2000


@transaction.atomic
def meet_conditions(*, id: int, discipline: str, note: str, actor: str, now: datetime) -> LaunchReview:
    """Say that what this discipline asked for is done; `note` says how one can see that.

    Raises Refused for who may not sign for it, Conflict when it set no conditions or they are met.
    """
    row = queries.review(id)
    raise_if_may_not_answer(row, discipline, actor)
    if not note.strip() or len(note) > LONGEST:
        fix = f"Write what was done and where it can be seen, in up to {LONGEST} characters."
        raise refuse("note", note, "it does not say how the conditions were met", fix)
    unmet = row.sign_offs.select_for_update().filter(
        discipline=discipline, answer=SignOffAnswer.CONDITIONAL, ended_at__isnull=True, met_at__isnull=True
    )
    found = list(unmet)
    if not found:
        why = f"no condition of {discipline} is open"
        raise Conflict(problem("discipline", discipline, why, "Reload the review."))
    for given in found:
        given.met_at, given.met_by, given.met_note = now, actor, note.strip()
        given.save(update_fields=["met_at", "met_by", "met_note"])
        facts = {"discipline": discipline, "by": given.by, "conditions": given.note}
        record(row, "signoff.conditions_met", actor, now, after=facts, reason=note)
    return queries.review(id)
