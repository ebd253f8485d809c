"""What a flag served to an experiment, as the versions that are kept say it."""

from typing import Any

from flags.models import FlagVersion


def variants_of(flag: str, environment: str, experiment: str) -> dict[str, Any] | None:
    """The values of the variants in the newest version with a rule of the experiment; None before one."""
    served = FlagVersion.objects.filter(
        flag__key=flag,
        environment__key=environment,
        published_at__isnull=False,
        definition__contains={"rules": [{"experiment": experiment}]},
    )
    newest = served.order_by("-number").values_list("definition", flat=True).first()
    return None if newest is None else dict(newest["variants"])
