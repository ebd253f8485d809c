"""What other apps are told about latency and money when they ask."""

from collections.abc import Sequence

from django.utils import timezone

from impact import services


def stops(experiment: str) -> Sequence[str]:
    """The stop rules that an ablation has reached, for its report."""
    return services.stops(experiment, now=timezone.now())
