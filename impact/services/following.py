"""How the loss of a study goes on by week, and after it; by slices; and with the dose as instrument.

One job per study and day, while it runs and until it was followed long enough. Its result is kept with the
study and with its finding. Runs in worker processes.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from analysis.stats.impact import DoseArm, dose_response
from analysis.stats.impact.instrument import InstrumentedArm, two_stage_least_squares
from analysis.stats.results import Estimate, NotEstimable
from events import queries as events
from events.layout import EVENTS, EXPOSURES, Kind
from impact import lasting, queries
from impact.lasting import Span
from impact.models import AblationStudy, Evidence
from impact.services.stored import filesystem
from impact.services.studies import DELAY_EVENT, variant_of
from ledger import audit, jobs
from ledger.jobs import RunningJob
from metrics import queries as metrics
from metrics.definitions import Measure, MetricDefinition, Source

if TYPE_CHECKING:
    from impact.traced import Totals

KIND, QUEUE = "impact.follow", "analysis"
FOLLOWER = "study follower"
LEAST_USERS = 100
"""In the smallest arm of a slice; below it a slope says nothing."""
MOST_LEVELS = 12


def request_following(row: AblationStudy, *, now: datetime) -> None:
    """Ask, once a day, for the weeks of a study that has begun."""
    day = now.astimezone(UTC).date()
    jobs.enqueue(kind=KIND, key=f"{row.key}/{day}", queue=QUEUE, payload={"study": row.key}, now=now)


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
    from impact import traced

    definition = metrics.version(row.outcome).definition
    if row.began_at is None or definition.kind not in traced.KINDS:
        return {"reason": f"weeks of a {definition.kind.value} are not added up"}
    until = min(now, row.follow_until or now)
    exposures = _days(EXPOSURES, row, row.ended_at or until)
    if not exposures:
        return {"reason": "nobody was exposed yet"}
    reading = _Reading(row, definition, until, exposures)
    return {
        "weeks": reading.weeks(),
        "slices": reading.slices(),
        "instrumented": reading.instrumented(),
    }


@dataclass(frozen=True, slots=True)
class _Read:
    """Totals of the outcome, below its fraction bar, and of delays, by span and user."""

    top: "Totals"
    below: "Totals | None"
    delays: "Totals"

    def part(self, span: int) -> "_Read":
        return _Read(*(each and _rows(each, span) for each in (self.top, self.below, self.delays)))  # type: ignore[arg-type]


class _Reading:
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
        self._read = self._totals()

    def weeks(self) -> list[dict[str, Any]]:
        """The slope of every week; delay after the end is that of the study before it."""
        found = []
        for index, span in enumerate(self._spans):
            arms = self._arms(self._read.part(index), span.until, delays=self._delays(index, span))
            slope = _slope(arms)
            if slope is not None:
                found.append({**_when(span), **slope})
        return found

    def slices(self) -> list[dict[str, Any]]:
        """One slope for each level of the study's dimensions that has enough users, weeks of delay only."""
        found = []
        for name, levels in self._users.levels.items():
            for level in _largest(levels):
                read, inside = self._delayed(), levels == level
                arms = self._arms(read, self._ended, delays=read.delays, inside=inside)
                slope = _slope(arms) if min(arm.outcome.units for arm in arms) >= LEAST_USERS else None
                if slope is not None:
                    found.append({"dimension": name, "level": str(level) or "unknown", **slope})
        return found

    def instrumented(self) -> dict[str, Any] | None:
        """Two-stage least squares on the latency metric of the surface's value model; None without one."""
        from impact import traced

        model = queries.value_model(self._row.surface.key)
        if model is None or not model.latency_metric:
            return None
        source = metrics.version(model.latency_metric).definition.source
        slow, read = self._of(source), self._delayed()
        arms = [
            InstrumentedArm(
                dose,
                traced.joint(self._definition, read.top, _until(slow, self._weeks_of_delay), self._who(at)),
            )
            for at, dose in enumerate(self._doses)
        ]
        found = two_stage_least_squares(arms)
        if isinstance(found, NotEstimable):
            return {"reason": found.why.value.replace("_", " ")}
        return {"latency_metric": model.latency_metric, **found.to_dict()}

    @property
    def _weeks_of_delay(self) -> int:
        return sum(not span.is_after for span in self._spans)

    def _delayed(self) -> _Read:
        """The weeks of delay together."""
        weeks = self._weeks_of_delay
        read = self._read
        below = None if read.below is None else _until(read.below, weeks)
        return _Read(_until(read.top, weeks), below, _until(read.delays, weeks))

    def _delays(self, index: int, span: Span) -> "Totals":
        return self._delayed().delays if span.is_after else _rows(self._read.delays, index)

    def _who(self, arm: int) -> Any:
        return self._users.of_arm(arm, self._ended)

    def _arms(self, read: _Read, until: datetime, *, delays: "Totals", inside: Any = True) -> list[DoseArm]:
        return [self._arm(read, at, dose, until, delays, inside) for at, dose in enumerate(self._doses)]

    def _arm(
        self, read: _Read, at: int, dose: int, until: datetime, delays: "Totals", inside: Any
    ) -> DoseArm:
        from impact import traced

        who = self._users.of_arm(at, until) & inside
        value: Estimate = traced.outcome(self._definition, read.top, read.below, who)
        requests = float(delays.counts.sum(axis=0)[who].sum())
        reached = float(delays.sums.sum(axis=0)[who].sum()) / requests if requests and dose else 0.0
        return DoseArm(dose, reached, value)

    def _totals(self) -> _Read:
        below = self._definition.denominator
        return _Read(
            self._of(self._definition.source),
            None if below is None else self._of(below),
            self._of(Source(DELAY_EVENT, Measure.VALUE)),
        )

    def _of(self, source: Source) -> "Totals":
        from impact import traced

        starts = [span.since for span in self._spans]
        return traced.totals(self._files, source, self._users, starts, self._until, filesystem=filesystem())


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


def _rows(whole: "Totals", span: int) -> "Totals":
    return type(whole)(whole.sums[span : span + 1], whole.counts[span : span + 1])


def _until(whole: "Totals", spans: int) -> "Totals":
    return type(whole)(whole.sums[:spans], whole.counts[:spans])


def _largest(levels: Any) -> list[Any]:
    import numpy as np

    names, counts = np.unique(levels.astype(str), return_counts=True)
    return [names[at] for at in np.argsort(-counts, kind="stable")[:MOST_LEVELS]]


def _days(kind: Kind, row: AblationStudy, until: datetime) -> dict[date, list[str]]:
    """Paths of the files that may hold rows from the start of the study to `until`, by day."""
    found: dict[date, list[str]] = defaultdict(list)
    for each in events.files(kind, row.began_at, until, environment=row.environment):
        found[each.day].append(each.path)
    return dict(sorted(found.items()))
