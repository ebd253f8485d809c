"""Reads of guardrail sets and waivers, and the answer to "what is attached here?"."""

from collections.abc import Iterator
from datetime import date

from django.db.models import Q, QuerySet
from django.utils import timezone

from experiments.preflight import Required
from governance import policy
from governance.models import GuardrailMember, GuardrailSet, MarginUnit, Waiver, WaiverState
from governance.policy import Attached, Scope
from impact import queries as impact
from ledger.refusals import NotFound, problem
from metrics import queries as metrics
from metrics.definitions import Margin
from organisation import queries as organisation

MINOR = 100
UNPRICED = "its margin is money a year, and no price of 100 ms holds on {} today"


def guardrail_sets() -> QuerySet[GuardrailSet]:
    """Every set in force with its members at hand."""
    found = GuardrailSet.objects.filter(removed_at__isnull=True)
    return found.select_related("team", "surface").prefetch_related("members")


def guardrail_set(set_id: int) -> GuardrailSet:
    """One set in force, or NotFound."""
    found = guardrail_sets().filter(id=set_id).first()
    if found is None:
        fix = "Sets are listed on the page Guardrails."
        raise NotFound(problem("guardrail_set", set_id, "there is no such set of guardrails", fix))
    return found


def scope_of(row: GuardrailSet) -> Scope:
    if row.surface_id:
        return Scope.SURFACE
    return Scope.TEAM if row.team_id else Scope.ORGANISATION


def scope_words(row: GuardrailSet) -> str:
    """Whose set it is, as people say it."""
    if row.surface is not None:
        return f"surface {row.surface.name}"
    return f"team {row.team.name}" if row.team is not None else "the whole organisation"


def attached(*, surface: str = "", team: str = "") -> tuple[Attached, ...]:
    """What every experiment on the surface or of the team has to watch; a surface's team counts as well."""
    teams = {team, organisation.surface(surface).team.key if surface else ""} - {""}
    wanted = Q(team__isnull=True, surface__isnull=True) | Q(team_id__in=teams)
    rows = guardrail_sets().filter(wanted | Q(surface_id=surface) if surface else wanted)
    return policy.attached(each for row in rows for each in members(row))


def members(row: GuardrailSet) -> Iterator[Attached]:
    """The members as they are attached today: margins in money go through today's price."""
    for member in row.members.all():
        found = margin(row, member)
        is_unpriced = member.margin_unit == MarginUnit.MONEY and member.margin is not None and found is None
        yield Attached(
            metric=member.metric,
            of=scope_words(row),
            scope=scope_of(row),
            blocking=member.blocking,
            margin=found,
            unpriced=UNPRICED.format(row.surface_id) if is_unpriced else "",
        )


def margin(row: GuardrailSet, member: GuardrailMember) -> Margin | None:
    """In the metric's unit or relative; None without one, and for money while no price holds."""
    if member.margin is None:
        return None
    if member.margin_unit == MarginUnit.PERCENT:
        return Margin(member.margin / 100, relative=True)
    if member.margin_unit == MarginUnit.METRIC:
        return Margin(member.margin, relative=False)
    return margin_of_money(row.surface_id or "", member.metric, member.margin)


def margin_of_money(surface: str, metric: str, amount: float) -> Margin | None:
    """The loss in the metric's unit that costs so much a year on the surface, by its current price."""
    ratio = impact.current_ratio(surface, today=timezone.now().date())
    if ratio is None:
        return None
    unit = metrics.version(metric).definition.unit
    return policy.margin_of_money(amount, price_per_100_ms=ratio.price_minor / MINOR, unit=unit)


def required_of(surface: str, team: str, experiment: str) -> Iterator[Required]:
    """What experiments ask: the attached guardrails without those that are waived for them."""
    free = waived(experiment, today=timezone.now().date())
    for each in attached(surface=surface, team=team):
        if each.metric not in free:
            yield Required(each.metric, each.of, each.blocking, each.margin, each.unpriced)


def waived(experiment: str, *, today: date) -> set[str]:
    """Metrics that the experiment need not watch today."""
    held = Waiver.objects.filter(experiment_id=experiment, state=WaiverState.APPROVED, expires_on__gte=today)
    return set(held.values_list("metric", flat=True)) if experiment else set()


def once_waived(experiment: str) -> set[str]:
    """Metrics whose granted waiver has run out or was taken back."""
    over = Waiver.objects.filter(experiment_id=experiment).exclude(approver="")
    return set(over.exclude(state=WaiverState.REFUSED).values_list("metric", flat=True))


def waivers(*, experiment: str = "", state: str = "") -> QuerySet[Waiver]:
    """Waivers, newest first."""
    found = Waiver.objects.select_related("experiment")
    found = found.filter(experiment_id=experiment) if experiment else found
    return found.filter(state=state) if state in WaiverState.values else found


def waiver(waiver_id: int) -> Waiver:
    """One waiver, or NotFound."""
    found = waivers().filter(id=waiver_id).first()
    if found is None:
        raise NotFound(problem("waiver", waiver_id, "there is no such waiver", "See the page Guardrails."))
    return found


def has_policies() -> bool:
    """Whether this site attaches guardrails at all; with the first set, launches need a review."""
    return GuardrailSet.objects.filter(removed_at__isnull=True).exists()
