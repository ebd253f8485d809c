"""Reads of launch reviews: what is signed, what is missing, and what speaks against a launch right now."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from analysis import queries as analysis
from experiments import queries as experiments
from experiments.drafts import ExperimentKind
from experiments.lifecycle import STARTED, State
from flags import queries as flags
from governance import policy_queries, review_checks, reviewing
from governance.models import LaunchReview, ReviewFlag, ReviewState, SignOff, SignOffAnswer
from governance.models.reviews import LIVE
from governance.reviewing import Finding, Given
from impact import queries as impact
from impact import services as impact_services
from ledger import queries as ledger
from ledger.refusals import NotFound, problem
from organisation import queries as organisation
from organisation.roles import Discipline

if TYPE_CHECKING:
    from experiments.models import Experiment

RETIRED, SHIP = "retired", "ship"
OVER = [str(each) for each in (State.CLOSED, State.INVALID)]
FLAG_LASTS = timedelta(days=30)
"""A sign-off on a flag without an experiment; there is no report whose change could end it."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What somebody would sign now: its hash, and the hash of what must not change."""

    sha256: str
    material: str
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a review is at this moment, whatever was written down last."""

    review: LaunchReview
    signed: Signed | None
    findings: tuple[Finding, ...]
    required: tuple[Discipline, ...]
    valid: tuple[SignOff, ...]
    ended: tuple[SignOff, ...]
    missing: tuple[Discipline, ...]
    state: str

    @property
    def is_against_rule(self) -> bool:
        return self.signed is not None and reviewing.is_against_rule(self.signed.verdict)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.severity is reviewing.Severity.BLOCKING)


def reviews(*, state: str = "") -> QuerySet[LaunchReview]:
    """All reviews, newest first."""
    found = LaunchReview.objects.select_related("experiment").prefetch_related("sign_offs")
    return found.filter(state=state) if state in ReviewState.values else found


def review(review_id: int) -> LaunchReview:
    """One review, or NotFound."""
    found = reviews().filter(id=review_id).first()
    if found is None:
        raise NotFound(problem("review", review_id, "there is no such review", "See the page Reviews."))
    return found


def live_reviews() -> QuerySet[LaunchReview]:
    """Those that were not withdrawn, newest first."""
    return reviews().filter(state__in=LIVE)


def review_of(*, experiment: str = "", flag: str = "", environment: str = "") -> LaunchReview | None:
    """The live review of an experiment, or of a flag without one."""
    if experiment:
        return live_reviews().filter(experiment_id=experiment).first()
    return live_reviews().filter(experiment__isnull=True, flag=flag, environment=environment).first()


def advocates(row: LaunchReview) -> frozenset[str]:
    """Who wants the launch and therefore signs nothing: who asked for the review, and who owns the experiment
    or did lately."""
    owners = experiments.owners_lately(row.experiment) if row.experiment else frozenset()
    return owners | {row.requested_by}


def standing(row: LaunchReview, served: Mapping[str, Any] | None = None) -> Standing:
    """The review judged now: sign-offs against the newest report, findings against today's facts. `served`
    are the values a flag is about to serve; without, those that a reviewer would sign."""
    signed, findings = signed_now(row, served), findings_of(row)
    against = signed is not None and reviewing.is_against_rule(signed.verdict)
    wanted = reviewing.required(row.answers, always_performance=against or watches_performance(row))
    valid, ended = _sorted_out(row, signed)
    given = [_given(each) for each in valid]
    lacking = reviewing.missing(wanted, given, is_against_rule=against)
    state = reviewing.state_of(
        is_answered=reviewing.is_answered(row.answers), given=given, lacking=lacking, findings=findings
    )
    if row.state == ReviewState.WITHDRAWN:
        state = row.state
    return Standing(row, signed, findings, wanted, valid, ended, lacking, state)


def signed_now(row: LaunchReview, served: Mapping[str, Any] | None = None) -> Signed | None:
    """The newest report; for a flag alone, the values that are named or its draft or live version serves."""
    if row.experiment is None:
        return _values_of(row.flag, row.environment, served)
    snapshot = analysis.latest_snapshot(row.experiment.key)
    if snapshot is None:
        return None
    return Signed(snapshot.sha256, reviewing.material(json.loads(snapshot.document)), snapshot.verdict)


def findings_of(row: LaunchReview) -> tuple[Finding, ...]:
    """What the computer knows, blocking findings first."""
    key = row.experiment.key if row.experiment else ""
    found = (
        *review_checks.findings(_context(row)),
        *_unmet_conditions(row),
        *reviewing.registered(key, row.flag, row.environment),
    )
    order = list(reviewing.Severity)
    return tuple(sorted(found, key=lambda each: order.index(each.severity)))


def _unmet_conditions(row: LaunchReview) -> Iterator[Finding]:
    fix = "A reviewer of the discipline says on this page when they are met."
    for each in row.sign_offs.all():
        if each.answer == SignOffAnswer.CONDITIONAL and each.ended_at is None and each.met_at is None:
            title = f"conditions of {each.discipline} ({each.by}) are open: {each.note}"
            evidence = {"discipline": each.discipline}
            yield Finding("conditions", reviewing.Severity.WARNING, title, fix, evidence)


def watches_performance(row: LaunchReview) -> bool:
    """Whether performance signs whatever the answers are: a metric of speed is bound, a guardrail set
    applies, or the surface has a price."""
    if row.experiment is None:
        return is_watched(row.flag, row.environment)
    owner = row.experiment
    surface = owner.surface_id or ""
    has_price = bool(surface) and impact.current_ratio(surface, today=today()) is not None
    return has_price or is_guarded(owner)


def binds_performance(owner: "Experiment") -> bool:
    """Whether the plan in force, or the one that is being written, watches a metric of speed."""
    plans = [each for each in experiments.versions(owner.key) if each.state != RETIRED]
    bound = [each for plan in plans for each in experiments.planned_bindings(plan)]
    return any(reviewing.is_performance(each.definition.unit) for each in bound)


def attached_to(owner: "Experiment") -> tuple[Any, ...]:
    """Guardrails that policies attach to the experiment, waived ones too."""
    return policy_queries.attached(surface=owner.surface_id or "", team=owner.team_id or "")


def verdict_against(owner: "Experiment") -> str:
    """What the newest report says when it does not recommend the launch and nobody decided to ship; else
    empty. Before its first report that of an earlier experiment on the flag counts; without any there is no
    rule. An A/A compares one value with itself and says nothing of a launch."""
    earlier = started_on(owner.flag, owner.environment).exclude(key=owner.key) if owner.flag else ()
    for each in (owner, *earlier):
        taken, report = experiments.decision(each.key), analysis.latest_snapshot(each.key)
        if report is not None and each.state not in OVER and each.kind != ExperimentKind.AA:
            is_decided = taken is not None and taken.taken == SHIP
            return "" if is_decided or report.verdict == reviewing.SHIP else report.verdict
    return ""


def may_second(owner: "Experiment", requester: str) -> list[str]:
    """Who could sign a launch against the report that the requester wants."""
    able = organisation.signers(Discipline.PERFORMANCE, owner.environment)
    return [name for name in able if name not in {requester, owner.owner}]


def team_of(flag: str) -> str:
    """The key of the flag's team; empty without one, and for a flag that others serve."""
    try:
        team = flags.flag(flag).team
    except NotFound:
        return ""
    return team.key if team else ""


def is_watched(flag: str, environment: str) -> bool:
    """Whether a guardrail set applies to the flag's team or to an experiment on the flag, even one that is
    over; or one measured speed."""
    return has_watching_team(flag) or any(is_guarded(each) for each in started_on(flag, environment))


def has_watching_team(flag: str) -> bool:
    """Whether a guardrail set applies to the flag's team, or to one it left within FLAG_LASTS."""
    edits = ledger.audit_of(f"flag:{flag}").filter(
        action="flag.edited", at__gte=timezone.now() - FLAG_LASTS, before__has_key="team"
    )
    teams = {team_of(flag), *(each["team"] for each in edits.values_list("before", flat=True) if each)}
    return any(policy_queries.attached(team=each) for each in teams)


def is_guarded(owner: "Experiment") -> bool:
    """Whether a guardrail set applies to the experiment or to its flag's team, or it measures speed."""
    return bool(attached_to(owner)) or binds_performance(owner) or has_watching_team(owner.flag)


def rejected_lately(flag: str, environment: str) -> LaunchReview | None:
    """The review of an experiment on the flag, over or not, to which a discipline said no within FLAG_LASTS
    and took nothing back."""
    keys = started_on(flag, environment).values_list("key", flat=True)
    no = rejections().filter(at__gte=timezone.now() - FLAG_LASTS, ended_at__isnull=True)
    found = no.filter(review__state__in=LIVE, review__experiment_id__in=list(keys)).first()
    return None if found is None else found.review


def started_on(flag: str, environment: str) -> "QuerySet[Experiment]":
    """Every experiment that has started on the flag, the newest first."""
    states = [str(each) for each in STARTED]
    found = experiments.experiments(flag=flag).filter(environment=environment, state__in=states)
    return found.order_by("-started_at")


def waiting_for(user: str) -> list[tuple[LaunchReview, list[Discipline]]]:
    """Reviews that miss a signature this person may give, oldest first."""
    open_ones = (
        live_reviews()
        .exclude(state=ReviewState.APPROVED)
        .exclude(Q(requested_by=user) | Q(experiment__owner=user))
    )
    mine: dict[str, set[Discipline]] = {}
    found = []
    for row in open_ones.order_by("requested_at")[:50]:
        if row.environment not in mine:
            mine[row.environment] = _disciplines_of(user, row.environment)
        if mine[row.environment] and reviewing.is_answered(row.answers):
            missing = dict.fromkeys(standing(row).missing)
            wanted = [each for each in missing if each in mine[row.environment]]
            found += [(row, wanted)] if wanted and user not in advocates(row) else []
    return found


def _disciplines_of(user: str, environment: str) -> set[Discipline]:
    """What the person may sign for there."""
    return {each for each in Discipline if organisation.may_answer_for(user, each, environment)}


def rejections() -> QuerySet[SignOff]:
    """Every no, newest first."""
    return SignOff.objects.filter(answer=SignOffAnswer.REJECTED).select_related("review").order_by("-at")


def open_conditions() -> QuerySet[SignOff]:
    """Approvals under conditions that nobody has called met, oldest first."""
    given = SignOff.objects.filter(answer=SignOffAnswer.CONDITIONAL, ended_at__isnull=True)
    still = given.filter(met_at__isnull=True, review__state__in=LIVE)
    return still.select_related("review__experiment").order_by("at", "id")


def raised(review_id: int) -> QuerySet[ReviewFlag]:
    """Trips that were raised with a review."""
    return ReviewFlag.objects.filter(review_id=review_id).select_related("trip")


def today() -> date:
    return timezone.now().date()


def _context(row: LaunchReview) -> review_checks.Context:
    owner, backup = _owners(row)
    document = _document(row)
    key = row.experiment.key if row.experiment else ""
    return review_checks.Context(
        experiment=key,
        owner=owner,
        backup=backup,
        document=document,
        trips=tuple(_trips(row)),
        planned_units=_planned_units(key),
        price="" if document is None or row.experiment is None else _price(row.experiment, document),
        **(_waivers(row.experiment) if row.experiment else {}),
    )


def _owners(row: LaunchReview) -> tuple[str, str]:
    if row.experiment is not None:
        return row.experiment.owner, row.experiment.backup_owner
    flag = flags.flag(row.flag)
    return flag.owner, flag.backup


def _document(row: LaunchReview) -> dict[str, Any] | None:
    snapshot = analysis.latest_snapshot(row.experiment.key) if row.experiment else None
    return None if snapshot is None else json.loads(snapshot.document)


def _planned_units(experiment: str) -> int | None:
    if not experiment:
        return None
    owner = experiments.experiment(experiment)
    return experiments.candidate(owner, experiments.newest_version(owner)).planned_units


def _trips(row: LaunchReview) -> Iterator[review_checks.Trip]:
    """Unsettled trips of the experiment and of others on the same flag."""
    found = analysis.unsettled_trips().filter(experiment__environment=row.environment)
    if row.experiment is not None and not row.flag:
        found = found.filter(experiment_id=row.experiment.id)
    else:
        found = found.filter(experiment__flag=row.flag)
    for trip in found:
        yield review_checks.Trip(
            id=trip.id,
            experiment=trip.experiment.key,
            metric=trip.metric,
            arm=trip.arm,
            severity=trip.severity,
            interval=f"{trip.low:+.4g} to {trip.high:+.4g}",
            is_blocking=trip.is_blocking,
        )


def _waivers(owner: "Experiment") -> dict[str, tuple[str, ...]]:
    """Attached metrics that nothing watches: those whose waiver is over, those that were never waived, and
    those that are waived now. Ablations slow on purpose, so nothing is attached to them."""
    if owner.kind == "ablation":
        return {}
    bound = {each.metric for each in experiments.planned_bindings(experiments.newest_version(owner))}
    waived = policy_queries.waived(owner.key, today=today())
    was = policy_queries.once_waived(owner.key)
    lost = [each.metric for each in attached_to(owner) if each.metric not in bound | waived]
    return {
        "expired": tuple(each for each in lost if each in was),
        "unwatched": tuple(each for each in lost if each not in was),
        "waived": tuple(sorted(waived)),
    }


def _price(owner: "Experiment", document: dict[str, Any]) -> str:
    """What the slowest arm's slowdown costs a year; empty without a price or a slowdown."""
    if not owner.surface_id or impact.current_ratio(owner.surface_id, today=today()) is None:
        return ""
    slower = [
        arm["difference"] * (1000.0 if row["unit"] == "s" else 1.0)
        for row in document["results"]
        for arm in row["arms"]
        if row["unit"] in {"ms", "s"} and row["direction"] == "down" and arm["status"] == "ok"
    ]
    worst = max(slower, default=0.0)
    if worst < 1:
        return ""
    return impact_services.ask(surface=owner.surface_id, ms=round(worst), today=today()).sentence


def _values_of(flag: str, environment: str, served: Mapping[str, Any] | None) -> Signed | None:
    if served is not None:
        return Signed("", reviewing.sha256_of([flag, environment, served]))
    found, place = flags.flag(flag), flags.environment(environment)
    version = flags.draft(found, place) or flags.live_version(found, place)
    if version is None:
        return None
    values = [flag, environment, version.definition["variants"]]
    return Signed(version.checksum, reviewing.sha256_of(values))


def _sorted_out(row: LaunchReview, signed: Signed | None) -> tuple[tuple[SignOff, ...], tuple[SignOff, ...]]:
    """Sign-offs that hold, and those that ended."""
    everything = list(row.sign_offs.all())
    valid = [each for each in everything if each.ended_at is None and why_ended(row, each, signed) == ""]
    return tuple(valid), tuple(each for each in everything if each not in valid)


def why_ended(row: LaunchReview, given: SignOff, signed: Signed | None) -> str:
    """Why a sign-off no longer counts; empty while it does."""
    if signed is None or given.material != signed.material:
        what = "the report changed materially" if row.experiment_id else "the flag serves other values"
        return f"{what} after it was given"
    if row.experiment_id is None and timezone.now() - given.at > FLAG_LASTS:
        return f"it was given more than {FLAG_LASTS.days} days ago"
    return ""


def _given(row: SignOff) -> Given:
    return Given(Discipline(row.discipline), row.by, row.answer == SignOffAnswer.REJECTED, row.note)
