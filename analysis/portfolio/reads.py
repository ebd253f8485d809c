"""What the portfolio pages and the digest read: decided effects, overlapping runs, and a week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from analysis import queries
from analysis.models import ReportSnapshot
from analysis.portfolio import meetings, promises, shrinkage
from analysis.portfolio.meetings import Meeting, Run
from analysis.portfolio.shrinkage import Prior, Seen, Shrunk, Total
from experiments import queries as experiments
from experiments.lifecycle import State
from experiments.plan import WHOLE_PPM, Role

RECENT = timedelta(days=30)
MOST_RUNS = 200
DECIDING = (Role.PRIMARY.value, Role.SUCCESS.value)


@dataclass(frozen=True, slots=True)
class Impact:
    """One metric over all decided experiments. `left_out` could not be read as a relative effect."""

    metric: str
    title: str
    prior: Prior
    total: Total
    rows: list[Shrunk]
    left_out: list[str] = field(default_factory=list)


def impacts() -> list[Impact]:
    """By primary metric, those with most decided experiments first."""
    seen, titles, left_out = _decided()
    found = [_impact(metric, titles[metric], each, left_out[metric]) for metric, each in seen.items()]
    return sorted(found, key=lambda each: (-len(each.rows), each.metric))


def interactions(*, now: datetime) -> list[Meeting]:
    """Pairs among running and recently stopped experiments."""
    return meetings.meetings(list(_runs(now)))


@dataclass(frozen=True, slots=True)
class Week:
    """What happened from Monday to Sunday. Every number comes from a stored report named by its hash."""

    first_day: date
    last_day: date
    started: list[Any]
    stopped: list[Any]
    decided: list[Any]
    reports: list[ReportSnapshot]
    trips: list[Any]
    waiting: list[Any]
    follow_ups: list[Any]

    @property
    def is_quiet(self) -> bool:
        return not any((self.started, self.stopped, self.decided, self.reports, self.trips))


def week(day: date) -> Week:
    """The week that `day` lies in."""
    monday = day - timedelta(days=day.weekday())
    sunday = monday + timedelta(days=6)
    since = datetime.combine(monday, time(), UTC)
    span = {"gte": since, "lt": since + timedelta(days=7)}
    everything = experiments.experiments()
    decided = experiments.decisions().filter(**_within("decided_at", span))
    return Week(
        first_day=monday,
        last_day=sunday,
        started=list(everything.filter(**_within("started_at", span))),
        stopped=list(everything.filter(**_within("stopped_at", span))),
        decided=list(decided.select_related("experiment")),
        reports=_newest_reports(span),
        trips=list(queries.trips().filter(**_within("opened_at", span))),
        waiting=list(everything.filter(state=State.STOPPED)),
        follow_ups=list(experiments.rollouts().filter(followed_up_at=None, follow_up_on__lte=sunday)),
    )


def _impact(metric: str, title: str, seen: list[Seen], left_out: list[str]) -> Impact:
    prior = shrinkage.prior(seen)
    return Impact(metric, title, prior, shrinkage.total(seen, prior), _shrunk(seen, prior), left_out)


def _within(name: str, span: dict[str, datetime]) -> dict[str, datetime]:
    return {f"{name}__{test}": at for test, at in span.items()}


def _newest_reports(span: dict[str, datetime]) -> list[ReportSnapshot]:
    """The last report of each experiment in the week."""
    found = ReportSnapshot.objects.filter(**_within("created_at", span))
    newest = found.order_by("experiment_id", "-created_at", "-id").distinct("experiment_id")
    return sorted(newest.select_related("experiment"), key=lambda each: each.experiment.key)


def _decided() -> tuple[dict[str, list[Seen]], dict[str, str], dict[str, list[str]]]:
    """Metric → decided experiments, its title, and those without a relative effect."""
    seen: dict[str, list[Seen]] = defaultdict(list)
    left_out: dict[str, list[str]] = defaultdict(list)
    titles: dict[str, str] = {}
    for decision in experiments.decisions().select_related("experiment"):
        key = decision.experiment.key
        snapshot = queries.snapshot(decision.snapshot_sha256)
        effect = promises.of_snapshot(snapshot)
        if effect is None:
            continue
        titles[effect.metric] = effect.title
        error = promises.relative_error(snapshot, effect.arm)
        if error is None or not effect.relative or effect.estimate <= -1:
            left_out[effect.metric].append(key)
            continue
        seen[effect.metric].append(Seen(key, effect.estimate, error, decision.taken == "ship"))
    return seen, titles, left_out


def _shrunk(seen: Sequence[Seen], prior: Prior) -> list[Shrunk]:
    return sorted((shrinkage.shrink(each, prior) for each in seen), key=lambda row: -abs(row.shrunk))


def _runs(now: datetime) -> Iterator[Run]:
    """Started experiments that run or stopped within the last month."""
    rows = experiments.experiments().filter(started_at__isnull=False).exclude(state=State.INVALID)
    for row in rows.exclude(stopped_at__lt=now - RECENT)[:MOST_RUNS]:
        plan = experiments.plan(row.key)
        phase = experiments.phases(row.key).filter(coverage_ppm__gt=0).last()
        roles = {each.metric: each.role.value for each in plan.bindings}
        decisive = frozenset(metric for metric, role in roles.items() if role in DECIDING)
        yield Run(
            key=row.key,
            title=row.title,
            unit_type=plan.unit_type,
            environment=plan.environment,
            layer=plan.layer,
            coverage_share=(phase.coverage_ppm if phase else WHOLE_PPM) / WHOLE_PPM,
            since=row.started_at or now,
            until=row.stopped_at or now,
            decisive=decisive,
            watched=frozenset(roles) - decisive,
        )
