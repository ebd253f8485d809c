"""Launch reviews: opened, answered, signed, withdrawn; and kept true while facts change under them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from experiments import queries as experiments
from flags import queries as flags
from governance import review_queries as queries
from governance import reviewing
from governance.models import LaunchReview, ReviewState, SignOff, SignOffAnswer
from governance.review_queries import Signed, Standing
from governance.services.access import check_may_launch
from governance.services.asking import ask_reviewers
from ledger import audit
from ledger.refusals import Conflict, Problem, problem, raise_if_any, refuse
from organisation import queries as organisation
from organisation.roles import Discipline

CLOCK = "clock"


@transaction.atomic
def open_review(
    *,
    actor: str,
    now: datetime,
    experiment: str = "",
    flag: str = "",
    environment: str = "",
    reason: str = "",
) -> LaunchReview:
    """Ask for the review of an experiment's launch, or of a flag's in an environment."""
    about = _about(experiment, flag, environment)
    owner = experiments.experiment(experiment) if experiment else None
    check_may_launch(actor, owner.environment if owner else environment)
    if queries.review_of(**about) is not None:
        fix = "Go on with that one, or withdraw it."
        raise Conflict(problem("review", experiment or flag, "there is an open review of it", fix))
    made = LaunchReview.objects.create(
        experiment=owner,
        flag=owner.flag if owner else flag,
        environment=owner.environment if owner else environment,
        requested_by=actor,
        requested_at=now,
        state_at=now,
        reason=reason.strip(),
    )
    record(made, "review.opened", actor, now, reason=reason)
    return made


@transaction.atomic
def answer_risks(*, id: int, answers: Mapping[str, Any], actor: str, now: datetime) -> LaunchReview:
    """Answer the five questions with yes or no; they say which disciplines sign."""
    row = _locked(id)
    check_may_launch(actor, row.environment)
    known = {question.key for question in reviewing.QUESTIONS}
    wrong = [key for key in known if not isinstance(answers.get(key), bool)]
    raise_if_any(
        problem(key, answers.get(key), "this question is not answered", "Answer yes or no.")
        for key in sorted(wrong)
    )
    before = row.answers
    row.answers = {key: answers[key] for key in sorted(known)}
    row.save(update_fields=["answers"])
    record(row, "review.answered", actor, now, before={"answers": before}, after={"answers": row.answers})
    for discipline in _disciplines(row):
        record(row, "signoff.requested", actor, now, after={"discipline": discipline.value})
    _settle(row, actor, now)
    ask_reviewers(queries.review(id), now=now)
    return row


@transaction.atomic
def sign(
    *, id: int, discipline: str, answer: str, actor: str, now: datetime, note: str = "", sha256: str = ""
) -> SignOff:
    """Answer for one discipline. `sha256` is the report that was read; a newer one has to be read first.

    Raises Refused for who may not sign, Conflict while blocking findings are open (a rejection is always
    possible) and when the report changed meanwhile.
    """
    row = _locked(id)
    _raise_if_may_not_sign(row, discipline, answer, actor)
    signed = _signable(queries.standing(row), discipline, answer, note, sha256)
    _end_earlier(row, discipline, actor, now)
    made = SignOff.objects.create(
        review=row,
        discipline=discipline,
        answer=answer,
        note=note.strip(),
        by=actor,
        at=now,
        requested_by=row.requested_by,
        sha256=signed.sha256,
        material=signed.material,
    )
    facts = {"discipline": discipline, "answer": answer, "snapshot": made.sha256}
    record(row, "signoff.given", actor, now, after=facts, reason=note)
    _settle(queries.review(id), actor, now)
    return made


@transaction.atomic
def withdraw_review(*, id: int, reason: str, actor: str, now: datetime) -> LaunchReview:
    """Give the launch up, or start over with a new review. A discipline's no is not wiped out that way:
    while one stands, only that discipline withdraws."""
    row = _locked(id)
    check_may_launch(actor, row.environment)
    if not reason.strip():
        raise refuse("reason", reason, "withdrawing needs a reason", "Write one sentence.")
    raise_if_any(_not_theirs_to_withdraw(row, actor))
    _move(row, ReviewState.WITHDRAWN, actor, now, reason)
    return row


def refresh_reviews(*, now: datetime) -> int:
    """Bring every review's state up to date, and end sign-offs whose report changed; how many changed."""
    ids = list(queries.live_reviews().values_list("id", flat=True))
    return sum(refresh(id=review_id, now=now) for review_id in ids)


@transaction.atomic
def refresh(*, id: int, now: datetime) -> bool:
    """Whether anything of this review had to change."""
    row = LaunchReview.objects.select_for_update(of=("self",)).get(id=id)
    if row.state == ReviewState.WITHDRAWN:
        return False
    ended = _expire(row, now)
    return _settle(queries.review(id), CLOCK, now) or ended > 0


def _expire(row: LaunchReview, now: datetime) -> int:
    signed = queries.signed_now(row)
    ended = 0
    for given in row.sign_offs.filter(ended_at__isnull=True):
        why = queries.why_ended(row, given, signed)
        if why:
            given.ended_at, given.ended_because = now, why
            given.save(update_fields=["ended_at", "ended_because"])
            facts = {"discipline": given.discipline, "by": given.by, "snapshot": given.sha256}
            record(row, "signoff.expired", CLOCK, now, after=facts, reason=why)
            ended += 1
    return ended


def _settle(row: LaunchReview, actor: str, now: datetime) -> bool:
    """Write the state that follows from the facts; whether it is another one."""
    state = queries.standing(row).state
    if state == row.state:
        return False
    _move(row, ReviewState(state), actor, now)
    return True


def _move(row: LaunchReview, state: ReviewState, actor: str, now: datetime, reason: str = "") -> None:
    before = row.state
    row.state, row.state_at = state, now
    row.save(update_fields=["state", "state_at"])
    after = {"state": state.value}
    record(row, f"review.{state.value}", actor, now, before={"state": before}, after=after, reason=reason)


def _not_theirs_to_withdraw(row: LaunchReview, actor: str) -> Iterator[Problem]:
    for each in queries.standing(row).valid:
        discipline = Discipline(each.discipline)
        may_answer = organisation.may_answer_for(actor, discipline, row.environment)
        is_theirs = may_answer and actor not in queries.advocates(row)
        if each.answer == SignOffAnswer.REJECTED and not is_theirs:
            why = f"{each.by} said no for {discipline}, and a no is not withdrawn by others"
            yield problem("review", row.id, why, f"Ask {each.by} or another reviewer of {discipline}.")


def _about(experiment: str, flag: str, environment: str) -> dict[str, str]:
    if bool(experiment) == bool(flag):
        fix = "Name an experiment, or a flag with its environment."
        raise refuse("experiment", experiment, "a review is about one launch", fix)
    if experiment:
        experiments.experiment(experiment)
        return {"experiment": experiment}
    flags.flag(flag)
    flags.environment(environment)
    return {"flag": flag, "environment": environment}


def _disciplines(row: LaunchReview) -> tuple[Discipline, ...]:
    return reviewing.required(row.answers, always_performance=queries.watches_performance(row))


def _raise_if_may_not_sign(row: LaunchReview, discipline: str, answer: str, actor: str) -> None:
    if answer not in SignOffAnswer.values:
        fix = f"Possible are {', '.join(SignOffAnswer.values)}."
        raise refuse("answer", answer, "this is no answer", fix)
    if not reviewing.is_answered(row.answers):
        fix = "Answer them first: they say who signs."
        raise Conflict(problem("answers", len(row.answers), "the risk questions are open", fix))
    raise_if_may_not_answer(row, discipline, actor)


def raise_if_may_not_answer(row: LaunchReview, discipline: str, actor: str) -> None:
    """Raise Refused for a discipline that does not exist, who wants the launch, and other reviewers."""
    if discipline not in set(Discipline):
        fix = f"Disciplines are {', '.join(Discipline)}."
        raise refuse("discipline", discipline, "there is no such discipline", fix)
    if actor == row.requested_by:
        raise refuse("actor", actor, "who asks for a review cannot sign it", "Ask somebody else.")
    if actor in queries.advocates(row):
        why = "the owner of an experiment cannot sign its launch"
        raise refuse("actor", actor, why, f"Ask another reviewer of {discipline}.")
    if not organisation.may_answer_for(actor, Discipline(discipline), row.environment):
        why = f"this needs a reviewer of {discipline} in {row.environment}"
        raise refuse("actor", actor, why, "See People and roles.")


def _signable(found: Standing, discipline: str, answer: str, note: str, sha256: str) -> Signed:
    """What is signed by this answer, when it may be given."""
    if found.signed is None:
        raise Conflict(problem("sha256", sha256, "there is nothing to sign yet", "Ask for a look first."))
    if sha256 and not found.signed.sha256.startswith(sha256):
        fix = "Read the newest report, then sign."
        raise Conflict(problem("sha256", sha256, "there is a newer report than the one you read", fix))
    if Discipline(discipline) not in found.required:
        fix = f"Asked for are {', '.join(found.required) or 'none'}."
        raise refuse("discipline", discipline, "this discipline is not asked here", fix)
    if answer != SignOffAnswer.APPROVED and not note.strip():
        fix = "Say which conditions, or what has to change."
        raise refuse("note", note, "this answer needs words", fix)
    if answer != SignOffAnswer.REJECTED:
        _raise_if_not_approvable(found, found.signed, note)
    return found.signed


def _raise_if_not_approvable(found: Standing, signed: Signed, note: str) -> None:
    if found.is_against_rule and not note.strip():
        why = f"the report says {signed.verdict}, so launching needs a reason"
        raise refuse("note", note, why, "Say why it is right all the same; a second person signs too.")
    if found.blocking:
        raise Conflict(*(problem(each.code, "open", each.title, each.fix) for each in found.blocking))


def _end_earlier(row: LaunchReview, discipline: str, actor: str, now: datetime) -> None:
    earlier = row.sign_offs.filter(discipline=discipline, by=actor, ended_at__isnull=True)
    earlier.update(ended_at=now, ended_because="answered again")


def _locked(review_id: int) -> LaunchReview:
    queries.review(review_id)
    row = LaunchReview.objects.select_for_update(of=("self",)).select_related("experiment").get(id=review_id)
    if row.state == ReviewState.WITHDRAWN:
        raise Conflict(problem("review", review_id, "it was withdrawn", "Open a new one."))
    return row


def record(
    row: LaunchReview,
    action: str,
    actor: str,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """One row of the trail. Its subject is what is launched, so that its page tells of the review."""
    subject = f"experiment:{row.experiment_id}" if row.experiment_id else f"flag:{row.flag}"
    facts = {"review": row.id, "environment": row.environment, **(after or {})}
    audit.record(
        now=now, actor=actor, action=action, subject=subject, before=before, after=facts, reason=reason
    )
