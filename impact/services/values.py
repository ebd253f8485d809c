"""What a surface brings in: each change is a new version, signed by who made it."""

import math
import re
from datetime import datetime
from typing import Any

from django.db import transaction

from impact import queries
from impact.models import ValueModel
from ledger import audit
from ledger.refusals import Problem, problem, raise_if_any
from organisation import queries as organisation

CURRENCY = re.compile(r"[A-Z]{3}")
MOST_MINOR = 10**17


@transaction.atomic
def set_value(
    *,
    surface: str,
    currency: str,
    revenue_minor: int,
    surface_share: float,
    outcome: str,
    source: str,
    actor: str,
    now: datetime,
    revenue_error: float = 0.0,
    share_error: float = 0.0,
    link: float = 1.0,
    link_error: float = 0.0,
    outcome_level: float | None = None,
    latency_metric: str = "",
) -> ValueModel:
    """A new version of what the surface brings in a year. Raises Refused with every wrong field."""
    facts: dict[str, Any] = {
        "currency": currency.strip().upper(),
        "revenue_minor": revenue_minor,
        "surface_share": surface_share,
        "outcome": outcome.strip(),
        "source": source.strip(),
        "revenue_error": revenue_error,
        "share_error": share_error,
        "link": link,
        "link_error": link_error,
        "outcome_level": outcome_level,
        "latency_metric": latency_metric.strip(),
    }
    raise_if_any(_problems(facts))
    last = queries.value_model(surface)
    made = ValueModel.objects.create(
        surface=organisation.surface(surface),
        number=1 if last is None else last.number + 1,
        created_by=actor,
        created_at=now,
        **facts,
    )
    audit.record(
        now=now,
        actor=actor,
        action="value_model.set",
        subject=f"surface:{surface}",
        after={"version": made.number, **facts},
    )
    return made


def _problems(facts: dict[str, Any]) -> list[Problem]:
    found = []
    if not CURRENCY.fullmatch(facts["currency"]):
        fix = "Three letters, for example EUR."
        found.append(problem("currency", facts["currency"], "this is no currency code", fix))
    if not 0 < facts["revenue_minor"] < MOST_MINOR:
        fix = "Give what the product brings in a year, in cents."
        found.append(problem("revenue_minor", facts["revenue_minor"], "this is no yearly revenue", fix))
    if not 0 < facts["surface_share"] <= 1:
        fix = "0.4 says that 40 % of the revenue passes through the surface."
        found.append(problem("surface_share", facts["surface_share"], "this is no share", fix))
    for name in ("revenue_error", "share_error", "link_error"):
        if not (math.isfinite(facts[name]) and 0 <= facts[name] <= 1):
            fix = "0.05 says plus or minus 5 %."
            found.append(problem(name, facts[name], "a relative error is between 0 and 1", fix))
    if not (math.isfinite(facts["link"]) and facts["link"] > 0):
        fix = "1 says that revenue moves like the outcome."
        found.append(problem("link", facts["link"], "a link is above 0", fix))
    for name, fix in (("outcome", "Name the metric of the studies."), ("source", "Say where it is from.")):
        if not facts[name]:
            found.append(problem(name, facts[name], "this is empty", fix))
    return found
