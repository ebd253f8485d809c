"""Performance budgets that builds were let over: read, and told to launch reviews."""

from collections.abc import Iterator
from datetime import date

from django.db.models import Q, QuerySet
from django.utils import timezone

from experiments import queries as experiments
from governance import reviewing
from governance.models import BudgetWaiver
from governance.reviewing import Finding, Severity
from ledger.refusals import NotFound, problem

FIX = "Get back under the budget and end the waiver, or say in the review why it is worth it."


def waivers(*, about: str = "") -> QuerySet[BudgetWaiver]:
    """All of them, newest first; `about` is the key of a surface, an experiment or a flag."""
    found = BudgetWaiver.objects.all()
    wanted = Q(surface_id=about) | Q(experiment_id=about) | Q(flag=about)
    return found.filter(wanted) if about else found


def waiver(waiver_id: int) -> BudgetWaiver:
    """One of them, or NotFound."""
    found = BudgetWaiver.objects.filter(id=waiver_id).first()
    if found is None:
        fix = "They are listed on the page Budgets."
        raise NotFound(problem("budget_waiver", waiver_id, "there is no such waived budget", fix))
    return found


def state_of(row: BudgetWaiver, *, today: date) -> str:
    """`waived`, `run out` once its day is past, or `ended`."""
    if row.ended_at is not None:
        return "ended"
    return "waived" if today <= row.expires_on else "run out"


def subject_of(row: BudgetWaiver) -> str:
    """What it is about, as the audit trail names it."""
    if row.surface_id:
        return f"surface:{row.surface_id}"
    return f"experiment:{row.experiment_id}" if row.experiment_id else f"flag:{row.flag}"


def over_percent(row: BudgetWaiver) -> float:
    """How far over the budget, in per cent of it."""
    return 100 * (row.measured / row.limit - 1)


def of_launch(experiment: str, flag: str, environment: str) -> Iterator[Finding]:
    """A warning for each budget that the launch is let over: of its experiment, its flag or its surface."""
    owner = experiments.experiment(experiment) if experiment else None
    surface = owner.surface_id if owner is not None else None
    wanted = Q(surface_id=surface) if surface else Q(pk__in=[])
    wanted |= Q(experiment_id=experiment) if experiment else Q(pk__in=[])
    wanted |= Q(flag=flag) if flag else Q(pk__in=[])
    for row in BudgetWaiver.objects.filter(wanted, ended_at__isnull=True):
        yield _finding(row)


def register() -> None:
    """Called when the app is ready."""
    reviewing.register(of_launch)


def _finding(row: BudgetWaiver) -> Finding:
    state = state_of(row, today=timezone.now().date())
    numbers = f"{row.measured:g} {row.unit}, {over_percent(row):+.0f} % of the {row.limit:g} allowed"
    until = "until" if state == "waived" else "and ran out on"
    title = f"performance budget {row.budget} is waived by {row.waived_by} {until} "
    title += f"{row.expires_on.isoformat()}: {numbers}. {row.reason}"
    evidence = {"waiver": row.id, "measured": row.measured, "limit": row.limit, "link": row.link}
    return Finding("budget_waived", Severity.WARNING, title, FIX, evidence)
