"""What other apps are told about latency and money when they ask."""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from analysis.report.facts import ReportFacts, WorthFacts
from impact import services


def stops(experiment: str) -> Sequence[str]:
    """The stop rules that an ablation has reached, for its report."""
    return services.stops(experiment, now=timezone.now())


def worth(facts: ReportFacts, now: datetime) -> WorthFacts | None:
    """What a change is worth, for its report."""
    return services.worth(facts, now)
