"""Action items: what is to be done after an incident, by whom and until when; said again when overdue."""

from datetime import date, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from governance import incident_queries as queries
from governance.models import ActionItem, ActionState
from governance.services.access import check_may_work
from governance.services.mailing import mail_people
from ledger import audit
from ledger.refusals import Conflict, Problem, problem, raise_if_any
from organisation import queries as organisation

REMINDER = "reminder"
SOON = timedelta(days=2)
"""How long before its day an open action is said to be due, once."""
LONGEST_TITLE = 300


@transaction.atomic
def open_action(*, id: int, title: str, owner: str, due_on: date, actor: str, now: datetime) -> ActionItem:
    """Something to do after this incident. The owner has an account, the day is not over."""
    check_may_work(actor)
    row = queries.incident(id)
    problems = []
    if not title.strip() or len(title) > LONGEST_TITLE:
        fix = "Say what will be different."
        problems.append(problem("title", title, f"a title has 1 to {LONGEST_TITLE} characters", fix))
    problems += _owner_problems(owner)
    if due_on < today(now):
        problems.append(problem("due_on", due_on.isoformat(), "this day is over", "Choose a later one."))
    raise_if_any(problems)
    made = ActionItem.objects.create(
        incident=row, title=title.strip(), owner=owner, due_on=due_on, created_by=actor, created_at=now
    )
    _record("action_item.opened", made, actor, now)
    return made


@transaction.atomic
def hand_over_action(*, id: int, owner: str, reason: str, actor: str, now: datetime) -> ActionItem:
    """Somebody else does it. The new owner gets mail."""
    check_may_work(actor)
    row = _open(id)
    problems = _owner_problems(owner)
    if owner == row.owner:
        problems.append(problem("owner", owner, "this is the owner already", "Name somebody else."))
    if not reason.strip():
        fix = "Say why, for example: changed teams."
        problems.append(problem("reason", reason, "it does not say why", fix))
    raise_if_any(problems)
    before, row.owner = row.owner, owner
    row.save(update_fields=["owner"])
    _record("action_item.handed_over", row, actor, now, reason=reason.strip(), before={"owner": before})
    fact = f"action.yours/{row.id}/{now.isoformat()}"
    _mail(
        row, now, fact=fact, subject=f"Yours now: {row.title}", words=f"{before} did it until now: {reason}."
    )
    return row


def hand_over(*, key: str, owner: str, actor: str, now: datetime, reason: str) -> None:
    """The same for all that somebody owns (`organisation.ownership`)."""
    hand_over_action(id=int(key), owner=owner, reason=reason, actor=actor, now=now)


def finish_action(*, id: int, actor: str, now: datetime, note: str = "") -> ActionItem:
    """It is done; `note` says how one can see that."""
    return _settle(id, ActionState.DONE, actor, now, note)


def drop_action(*, id: int, actor: str, now: datetime, note: str) -> ActionItem:
    """It will not be done, and why."""
    if not note.strip():
        raise_if_any([problem("note", note, "it does not say why", "Say why it is not done.")])
    return _settle(id, ActionState.DROPPED, actor, now, note)


@transaction.atomic
def remind_overdue(*, now: datetime) -> int:
    """Say of each overdue action that it is, once a day; how many were said. Mails go to the owner."""
    day = today(now)
    late = queries.actions(state="overdue", today=day).exclude(reminded_on=day)
    found = list(ActionItem.objects.select_for_update(of=("self",)).filter(id__in=late.values("id")))
    for row in found:
        row.reminded_on = day
        row.save(update_fields=["reminded_on"])
        _record(
            "action_item.overdue", row, REMINDER, now, reason=f"{row.title}: due {row.due_on.isoformat()}"
        )
        fact = f"action.overdue/{row.id}/{day.isoformat()}"
        _mail(row, now, fact=fact, subject=f"Overdue: {row.title}")
    return len(found)


@transaction.atomic
def remind_soon(*, now: datetime) -> None:
    """Mail to the owners of open actions that are due within two days, once for each day that was set."""
    day = today(now)
    for row in queries.actions(state="open").filter(due_on__range=(day, day + SOON)):
        fact = f"action.due/{row.id}/{row.owner}/{row.due_on.isoformat()}"
        _mail(row, now, fact=fact, subject=f"Due {row.due_on.isoformat()}: {row.title}")


def _mail(row: ActionItem, now: datetime, *, fact: str, subject: str, words: str = "") -> None:
    """To the owner, once for each fact."""
    page = f"{settings.HEADWAY_WEB_URL}/reviews/actions/?owner={quote(row.owner)}"
    lines = [row.title, f"Due {row.due_on.isoformat()}, incident {row.incident_id}.", words, "", page]
    mail_people(
        [row.owner],
        fact=fact,
        about=f"incident:{row.incident_id}",
        subject=subject,
        text="\n".join(line for number, line in enumerate(lines) if line or number == 3),
        now=now,
    )


def _owner_problems(owner: str) -> list[Problem]:
    if organisation.people().filter(username=owner).exists():
        return []
    return [problem("owner", owner, "nobody with this name can log in", "Name one person.")]


def _open(action_id: int) -> ActionItem:
    """The held row. Raises NotFound, and Conflict when it is settled."""
    queries.action(action_id)
    row = ActionItem.objects.select_for_update().get(id=action_id)
    if row.state != ActionState.OPEN:
        raise Conflict(problem("state", row.state, f"this action is {row.state} already"))
    return row


def today(now: datetime) -> date:
    """The day on this site."""
    return now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


@transaction.atomic
def _settle(action_id: int, state: ActionState, actor: str, now: datetime, note: str) -> ActionItem:
    check_may_work(actor)
    row = _open(action_id)
    row.state, row.settled_by, row.settled_at, row.note = state, actor, now, note.strip()
    row.save(update_fields=["state", "settled_by", "settled_at", "note"])
    _record(f"action_item.{state.value}", row, actor, now, reason=row.note)
    return row


def _record(
    action: str,
    row: ActionItem,
    actor: str,
    now: datetime,
    reason: str = "",
    before: dict[str, str] | None = None,
) -> None:
    facts = {
        "incident": row.incident_id,
        "number": row.id,
        "owner": row.owner,
        "due_on": row.due_on.isoformat(),
        "state": row.state,
    }
    subject = f"incident:{row.incident_id}"
    why = reason or row.title
    audit.record(now=now, actor=actor, action=action, subject=subject, before=before, after=facts, reason=why)
