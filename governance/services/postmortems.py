"""Postmortems: drafted with the incident, edited by whoever works, reviewed by somebody else, published."""

from datetime import datetime
from typing import Any

from django.db import transaction

from governance import blameless
from governance import incident_queries as queries
from governance.blameless import Remark
from governance.models import Postmortem, PostmortemState
from governance.services.access import check_may_work
from ledger import audit
from ledger.refusals import Conflict, Problem, problem, raise_if_any
from organisation import queries as organisation

SECTIONS = ("summary", "impact", "causes", "factors", "detection", "lessons")
NEEDED = {
    "summary": "Say in two sentences what users noticed.",
    "impact": "Say who was hurt, how much and for how long.",
    "causes": "Say which conditions made it possible.",
    "factors": "Name at least one contributing factor, one a line.",
    "detection": "Say how it was noticed and what could have shown it sooner.",
}
LONGEST = 20_000


@transaction.atomic
def edit_postmortem(*, id: int, actor: str, now: datetime, **sections: str) -> Postmortem:
    """Change sections; those left out stay. A reviewed one becomes a draft again. Conflict once published."""
    check_may_work(actor)
    row = _locked(id)
    if row.state == PostmortemState.PUBLISHED:
        why = "a published postmortem does not change"
        raise Conflict(problem("state", row.state, why, "Write what came later as a note on the incident."))
    raise_if_any(_problems(sections))
    before = {name: getattr(row, name) for name in sections}
    for name, text in sections.items():
        setattr(row, name, text.strip())
    if all(getattr(row, name) == text for name, text in before.items()):
        return row
    row.state, row.author, row.edited_at = PostmortemState.DRAFT, actor, now
    row.reviewed_by, row.reviewed_at = "", None
    row.save()
    changed = [name for name, text in before.items() if getattr(row, name) != text]
    _record("postmortem.edited", row, actor, now, after={"sections": changed})
    return row


@transaction.atomic
def review_postmortem(*, id: int, actor: str, now: datetime) -> Postmortem:
    """Somebody who did not write it says that it is complete. Raises Conflict with everything missing."""
    check_may_work(actor)
    row = _locked(id)
    if row.state != PostmortemState.DRAFT:
        why = f"a postmortem that is {row.state} is not reviewed again"
        raise Conflict(problem("state", row.state, why))
    if row.author == actor:
        why = "whoever edited it last does not review it"
        raise Conflict(problem("reviewer", actor, why, "Ask somebody else."))
    missing = missing_to_review(row)
    if missing:
        raise Conflict(*missing)
    row.state, row.reviewed_by, row.reviewed_at = PostmortemState.REVIEWED, actor, now
    row.save(update_fields=["state", "reviewed_by", "reviewed_at"])
    _record("postmortem.reviewed", row, actor, now)
    return row


@transaction.atomic
def publish_postmortem(*, id: int, actor: str, now: datetime) -> Postmortem:
    """Everybody may read it, and it does not change any more. Raises Conflict while no
    retro-guardrail counts."""
    check_may_work(actor)
    row = _locked(id)
    if row.state != PostmortemState.REVIEWED:
        why = f"a postmortem that is {row.state} cannot be published"
        raise Conflict(problem("state", row.state, why, "It has to be reviewed first."))
    lacking = queries.lacks_guardrail(row.incident)
    if lacking:
        why, fix = lacking.rstrip("."), "Do so on the incident's page, then publish."
        raise Conflict(problem("guardrails", "none counts", why, fix))
    row.state, row.published_by, row.published_at = PostmortemState.PUBLISHED, actor, now
    row.save(update_fields=["state", "published_by", "published_at"])
    _record("postmortem.published", row, actor, now)
    return row


def remarks_on(sections: dict[str, str]) -> list[Remark]:
    """Words in these sections that look for a culprit; names are those of people with an account."""
    return blameless.remarks(sections, _names())


def remarks(row: Postmortem) -> list[Remark]:
    return remarks_on({name: getattr(row, name) for name in SECTIONS})


def missing_to_review(row: Postmortem) -> list[Problem]:
    """Empty sections, names among the causes, and no action."""
    found = [
        problem(name, "", "this section is empty", fix)
        for name, fix in NEEDED.items()
        if not getattr(row, name).strip()
    ]
    found += [
        problem(each.section, each.words, f"{each.why}, on line {each.line}", each.fix)
        for each in remarks(row)
        if each.stops
    ]
    if not queries.actions(incident_id=row.incident_id).exists():
        fix = "Open one with an owner and a day."
        found.append(problem("actions", "", "nothing is going to be done about it", fix))
    return found


def _names() -> set[str]:
    """User names, first and last names of everybody with an account."""
    people = organisation.people().values_list("username", "first_name", "last_name")
    return {part for person in people for name in person for part in str(name).split() if part}


def _problems(sections: dict[str, Any]) -> list[Problem]:
    found = []
    for name, text in sections.items():
        if name not in SECTIONS:
            found.append(
                problem(name, text, "there is no such section", f"Possible are {', '.join(SECTIONS)}.")
            )
        elif len(text) > LONGEST or "\0" in text:
            found.append(problem(name, text, f"a section has up to {LONGEST} characters", "Shorten it."))
    return found


def _locked(incident_id: int) -> Postmortem:
    queries.postmortem(incident_id)
    return Postmortem.objects.select_for_update().get(incident_id=incident_id)


def _record(
    action: str, row: Postmortem, actor: str, now: datetime, after: dict[str, Any] | None = None
) -> None:
    facts = {"incident": row.incident_id, "postmortem": row.id, "state": row.state, **(after or {})}
    audit.record(now=now, actor=actor, action=action, subject=f"incident:{row.incident_id}", after=facts)
