"""Recording that a build was let over a performance budget, and that it is under it again."""

import math
from datetime import date, datetime, timedelta

from django.db import transaction

from events.labels import is_address
from experiments import queries as experiments
from flags import queries as flags
from governance import budgets
from governance.models import BudgetWaiver
from governance.services.access import check_may_work
from ledger import audit
from ledger.refusals import Conflict, Problem, problem, raise_if_any, refuse
from organisation import queries as organisation

LONGEST = timedelta(days=90)
LONGEST_TEXTS = {"budget": 200, "unit": 20, "waived_by": 150, "reason": 2000}
EXAMPLES = {
    "budget": "For example: bundle size of checkout.",
    "unit": "For example kB, ms or queries.",
    "waived_by": "Name who let it pass.",
    "reason": "Say what it is worth, and what follows.",
}


@transaction.atomic
def waive_budget(
    *,
    budget: str,
    limit: float,
    measured: float,
    unit: str,
    waived_by: str,
    reason: str,
    expires_on: date,
    actor: str,
    now: datetime,
    surface: str = "",
    experiment: str = "",
    flag: str = "",
    link: str = "",
    run: str = "",
) -> BudgetWaiver:
    """A build is `measured` where `limit` is allowed, and passes all the same until a day (90 at most).

    The same `run` and `budget` again give the first record. Raises Refused with everything wrong.
    """
    check_may_work(actor)
    texts = {"budget": budget, "unit": unit, "waived_by": waived_by, "reason": reason}
    raise_if_any(
        [
            *_text_problems(texts),
            *_number_problems(limit, measured),
            *_day_problems(expires_on, now.date()),
            *_link_problems(link, run),
        ]
    )
    about = _about(surface, experiment, flag)
    known = BudgetWaiver.objects.filter(run=run.strip(), budget=budget.strip()).first() if run else None
    if known is not None:
        return known
    made = BudgetWaiver.objects.create(
        **about,
        **{name: text.strip() for name, text in texts.items()},
        limit=limit,
        measured=measured,
        link=link.strip(),
        run=run.strip(),
        expires_on=expires_on,
        recorded_by=actor,
        recorded_at=now,
    )
    _record(made, "budget.waived", actor, now, made.reason)
    return made


@transaction.atomic
def end_budget_waiver(*, id: int, reason: str, actor: str, now: datetime) -> BudgetWaiver:
    """It is under the budget again, or was recorded by mistake."""
    check_may_work(actor)
    if not reason.strip():
        raise refuse(
            "reason", reason, "ending it needs a reason", "For example: 180 kB again since build 812."
        )
    budgets.waiver(id)
    row = BudgetWaiver.objects.select_for_update().get(id=id)
    if row.ended_at is not None:
        raise Conflict(
            problem("budget_waiver", id, f"{row.ended_by} ended it before", "Nothing is left to do.")
        )
    row.ended_by, row.ended_at, row.end_reason = actor, now, reason.strip()
    row.save(update_fields=["ended_by", "ended_at", "end_reason"])
    _record(row, "budget.waiver_ended", actor, now, row.end_reason)
    return row


def _about(surface: str, experiment: str, flag: str) -> dict[str, str]:
    """The one thing it is about. Raises NotFound when there is no such thing."""
    named = {"surface": surface, "experiment": experiment, "flag": flag}
    given = [name for name, key in named.items() if key]
    if len(given) != 1:
        fix = "Name a surface, an experiment or a flag."
        raise refuse("surface", " ".join(given), "a waived budget is about one of the three", fix)
    if surface:
        return {"surface_id": organisation.surface(surface).key}
    if experiment:
        return {"experiment_id": experiments.experiment(experiment).key}
    return {"flag": flags.flag(flag).key}


def _text_problems(texts: dict[str, str]) -> list[Problem]:
    return [
        problem(
            name,
            text[:80],
            f"this has 1 to {LONGEST_TEXTS[name]} characters",
            EXAMPLES[name].capitalize() + ".",
        )
        for name, text in texts.items()
        if not text.strip() or len(text) > LONGEST_TEXTS[name] or "\0" in text
    ]


def _number_problems(limit: float, measured: float) -> list[Problem]:
    found = [
        problem(name, value, "this is no size", "Give a number above 0.")
        for name, value in (("limit", limit), ("measured", measured))
        if not math.isfinite(value) or value <= 0
    ]
    if not found and measured <= limit:
        why = f"{measured:g} is inside the {limit:g} allowed, so nothing has to be waived"
        found.append(problem("measured", measured, why, "Record only what is over its budget."))
    return found


def _day_problems(expires_on: date, today: date) -> list[Problem]:
    if today < expires_on <= today + LONGEST:
        return []
    fix = f"Name a day until {(today + LONGEST).isoformat()}."
    return [problem("expires_on", expires_on.isoformat(), "a budget is waived for 1 to 90 days", fix)]


def _link_problems(link: str, run: str) -> list[Problem]:
    found = []
    if link.strip() and not is_address(link.strip()):
        found.append(problem("link", link, "this is not the address of a page", "It begins with https://."))
    if len(run) > 200 or "\0" in run:
        found.append(
            problem("run", run[:80], "a run is named in up to 200 characters", "Give the build's id.")
        )
    return found


def _record(row: BudgetWaiver, action: str, actor: str, now: datetime, reason: str) -> None:
    after = {
        "budget_waiver": row.id,
        "budget": row.budget,
        "measured": row.measured,
        "limit": row.limit,
        "unit": row.unit,
        "waived_by": row.waived_by,
        "expires_on": row.expires_on.isoformat(),
        "link": row.link,
    }
    subject = budgets.subject_of(row)
    audit.record(now=now, actor=actor, action=action, subject=subject, after=after, reason=reason)
