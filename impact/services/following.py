"""How the loss of a study goes on by week, and after it; by slices; and with the dose as instrument.

One job per study and day, while it runs and until it was followed long enough. Its result is kept with the
study and with its finding. Runs in worker processes.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from analysis.stats.impact import DoseArm, dose_response
from analysis.stats.impact.instrument import InstrumentedArm, two_stage_least_squares
from analysis.stats.results import NotEstimable
from events import queries as events
from events.layout import EVENTS, EXPOSURES
from events.layout import Kind as StoreKind
from impact import lasting, outcomes, queries
from impact.lasting import Span
from impact.models import AblationStudy, Evidence
from impact.services.stored import filesystem
from impact.services.studies import DELAY_EVENT, variant_of
from ledger import audit, jobs
from ledger.jobs import RunningJob
from metrics import queries as metrics
from metrics.definitions import Kind, Measure, MetricDefinition, Source

if TYPE_CHECKING:
    from impact.outcomes import Reading, Totals

JOB, QUEUE = "impact.follow", "analysis"
FOLLOWER = "study follower"
LEAST_USERS = 100
"""In the smallest arm of a slice; below it a slope says nothing."""
MOST_LEVELS = 12


def request_following(row: AblationStudy, *, now: datetime) -> None:
    """Ask, once a day, for the weeks of a study that has begun."""
    day = now.astimezone(UTC).date()
    jobs.enqueue(kind=JOB, key=f"{row.key}/{day}", queue=QUEUE, payload={"study": row.key}, now=now)


def follow(job: RunningJob) -> None:
    """Do the job. Reading changes nothing; the result is stored with the end of the job."""
    now = timezone.now()
    found = follow_up(queries.study(job.payload["study"]), now=now)
    with transaction.atomic():
        job.finish(now=timezone.now())
        row = AblationStudy.objects.select_for_update(of=("self",)).get(key=job.payload["study"])
        row.follow = {**found, "read_at": now.isoformat()}
        row.save(update_fields=["follow"])
        if row.finding_id is not None:
            finding = Evidence.objects.select_for_update().get(id=row.finding_id)
            finding.details = {**finding.details, **found}
            finding.save(update_fields=["details"])
        audit.record(now=now, actor=FOLLOWER, action="ablation.followed", subject=f"experiment:{row.key}")


def follow_up(row: AblationStudy, *, now: datetime) -> dict[str, Any]:
    """Weeks, slices and the instrumented slope, or `reason` with the words why not."""
    definition = metrics.version(row.outcome).definition
    if row.began_at is None:
        return {"reason": "the study has not begun"}
    until = min(now, row.follow_until or now)
    exposures = _days(EXPOSURES, row, row.ended_at or until)
    if not exposures:
        return {"reason": "nobody was exposed yet"}
    study = _Study(row, definition, until, exposures)
    return {
        "weeks": study.weeks(),
        "slices": study.slices(),
        "instrumented": study.instrumented(),
    }


class _Study:
    """One reading of the store for a study."""

    def __init__(
        self,
        row: AblationStudy,
        definition: MetricDefinition,
        until: datetime,
        exposures: Mapping[date, list[str]],
    ) -> None:
        from impact import traced

        self._row, self._definition, self._until = row, definition, until
        self._doses = (0, *row.doses_ms)
        self._ended = row.ended_at or until
        began = row.began_at or until
        self._spans = lasting.spans(began, self._ended, until)
        self._files = _days(EVENTS, row, until).values()
        self._users = traced.users(
            exposures.values(),
            experiment=row.key,
            arms=[variant_of(dose) for dose in self._doses],
            dimensions=row.dimensions,
            filesystem=filesystem(),
        )
        self._read = self._reading()
        self._delays = self._of(Source(DELAY_EVENT, Measure.VALUE))

    def weeks(self) -> list[dict[str, Any]]:
        """The slope of every week; delay after the end is that of the study before it."""
        found = []
        for index, span in enumerate(self._spans):
            week = slice(index, index + 1)
            delays = self._delays.of(self._delayed if span.is_after else week)
            slope = self._slope(self._read.of(week), delays, span.until)
            if slope is not None:
                found.append({**_when(span), **slope})
        return found

    def slices(self) -> list[dict[str, Any]]:
        """One slope for each level of the study's dimensions that has enough users, weeks of delay only."""
        found = []
        read, delays = self._read.of(self._delayed), self._delays.of(self._delayed)
        for name, levels in self._users.levels.items():
            for level in _largest(levels):
                slope = self._slope(read, delays, self._ended, inside=levels == level, least=LEAST_USERS)
                if slope is not None:
                    found.append({"dimension": name, "level": str(level) or "unknown", **slope})
        return found

    def instrumented(self) -> dict[str, Any] | None:
        """Two-stage least squares on the latency metric of the surface's value model; None without one."""
        model = queries.value_model(self._row.surface.key)
        if model is None or not model.latency_metric:
            return None
        if self._definition.kind is Kind.QUANTILE:
            return {"reason": "a quantile has no value of each user"}
        source = metrics.version(model.latency_metric).definition.source
        top, slow = self._read.of(self._delayed).top, self._of(source).of(self._delayed)
        moments = outcomes.joint(self._definition, top, slow, self._who(self._ended))
        arms = [InstrumentedArm(dose, of) for dose, of in zip(self._doses, moments, strict=True)]
        found = two_stage_least_squares(arms)
        if isinstance(found, NotEstimable):
            return {"reason": found.why.value.replace("_", " ")}
        return {"latency_metric": model.latency_metric, **found.to_dict()}

    @property
    def _delayed(self) -> slice:
        """The weeks of delay."""
        return slice(0, sum(not span.is_after for span in self._spans))

    def _who(self, until: datetime, inside: Any = True) -> list[Any]:
        """Users of each arm who were exposed before `until`."""
        return [self._users.of_arm(at, until) & inside for at in range(len(self._doses))]

    def _slope(
        self, read: "Reading", delays: "Totals", until: datetime, *, inside: Any = True, least: int = 2
    ) -> dict[str, Any] | None:
        who = self._who(until, inside)
        found = outcomes.by_arm(self._definition, read, who)
        if min(int(each.sum()) for each in who) < least:
            return None
        arms = [
            DoseArm(dose, _reached(delays, each) if dose else 0.0, value)
            for dose, each, value in zip(self._doses, who, found, strict=True)
            if not isinstance(value, NotEstimable)
        ]
        return _slope(arms) if len(arms) == len(self._doses) else None

    def _reading(self) -> "Reading":
        """Everything the outcome needs of these users, once."""
        from impact import traced

        metric, below = self._definition, self._definition.denominator
        if metric.kind is Kind.QUANTILE:
            listed = traced.sessions(
                self._files, metric.source, self._users, self._starts, self._until, filesystem=filesystem()
            )
            return outcomes.Reading(self._of(metric.source), sessions=listed)
        top, bottom = self._of(metric.source), None if below is None else self._of(below)
        if metric.covariate is None:
            return outcomes.Reading(top, bottom)
        early = None if below is None else self._before(below, metric.covariate)
        return outcomes.Reading(top, bottom, self._before(metric.source, metric.covariate), early)

    @property
    def _starts(self) -> list[datetime]:
        return [span.since for span in self._spans]

    def _of(self, source: Source) -> "Totals":
        from impact import traced

        return traced.totals(
            self._files, source, self._users, self._starts, self._until, filesystem=filesystem()
        )

    def _before(self, source: Source, period: timedelta) -> "Totals":
        from impact import traced

        files = _days(EVENTS, self._row, self._until, earlier=period).values()
        return traced.before(files, source, self._users, period, filesystem=filesystem())


def _reached(delays: "Totals", who: Any) -> float:
    """The delay of an average request of these users, in ms."""
    requests = float(delays.counts.sum(axis=0)[who].sum())
    return float(delays.sums.sum(axis=0)[who].sum()) / requests if requests else 0.0


def _slope(arms: Sequence[DoseArm]) -> dict[str, Any] | None:
    found = dose_response(arms)
    if isinstance(found, NotEstimable):
        return None
    interval = found.confidence_interval
    return {
        "per_100_ms": found.per_100_ms,
        "standard_error": found.standard_error,
        "low": interval.lower,
        "high": interval.upper,
        "users": sum(arm.outcome.units for arm in arms),
    }


def _when(span: Span) -> dict[str, Any]:
    days = (span.until - span.since).total_seconds() / 86_400
    since = span.since.astimezone(UTC).date().isoformat()
    return {"week": span.number, "since": since, "days": round(days, 2), "is_after": span.is_after}


def _largest(levels: Any) -> list[Any]:
    import numpy as np

    names, counts = np.unique(levels.astype(str), return_counts=True)
    return [names[at] for at in np.argsort(-counts, kind="stable")[:MOST_LEVELS]]


def _days(
    kind: StoreKind, row: AblationStudy, until: datetime, *, earlier: timedelta = timedelta()
) -> dict[date, list[str]]:
    """Paths of the files that may hold rows from the start of the study, or `earlier`, to `until`, by day."""
    found: dict[date, list[str]] = defaultdict(list)
    began = row.began_at or until
    for each in events.files(kind, began - earlier, until, environment=row.environment):
        found[each.day].append(each.path)
    return dict(sorted(found.items()))
