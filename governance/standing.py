"""What stands beside a report: its review, who signed on what, and waivers."""

from django.urls import reverse

from analysis.report import signoffs
from analysis.report.signoffs import Link, SignOffState, Standing
from governance import policy_queries
from governance import review_queries as queries
from governance.models import ReviewState, SignOff, WaiverState
from governance.review_queries import Standing as Reviewed

TONES = {ReviewState.APPROVED: "ok", ReviewState.BLOCKED: "blocked", ReviewState.IN_REVIEW: "warn"}


def register() -> None:
    signoffs.register(standing)


def standing(experiment: str) -> Standing | None:
    """The live review of an experiment, its answers and the waivers that hold."""
    review = queries.review_of(experiment=experiment)
    waivers = tuple(_waivers(experiment))
    if review is None:
        return Standing(waivers=waivers)
    found = queries.standing(review)
    state = ReviewState(found.state)
    address = reverse("review", kwargs={"id": review.id})
    link = Link("Launch review", address, state.label.lower(), TONES.get(state, "muted"))
    return Standing(review=link, sign_offs=tuple(_answers(found)), waivers=waivers)


def _answers(found: Reviewed) -> list[signoffs.SignOff]:
    valid = [_shown(each, SignOffState(each.answer)) for each in found.valid]
    known = {each.discipline for each in found.valid}
    ended = [
        _shown(each, SignOffState.EXPIRED)
        for each in found.ended
        if each.discipline not in known and each.ended_because != "answered again"
    ]
    pending = [signoffs.SignOff(each.value, SignOffState.PENDING) for each in found.missing]
    return [*valid, *ended, *pending]


def _shown(row: SignOff, state: SignOffState) -> signoffs.SignOff:
    words = f"{row.note} (met: {row.met_note})" if row.met_at else row.note
    return signoffs.SignOff(row.discipline, state, row.by, row.at, row.sha256, words)


def _waivers(experiment: str) -> list[Link]:
    rows = policy_queries.waivers(experiment=experiment, state=WaiverState.APPROVED)
    address = reverse("guardrails")
    return [
        Link(f"{row.metric} waived until {row.expires_on:%Y-%m-%d}", address, "waived", "warn")
        for row in rows
    ]
