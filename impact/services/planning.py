"""What a study would tell and cost, before anybody is asked for consent."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from impact import caps, planner, queries
from impact.caps import Approver, Proposal
from ledger.refusals import raise_if_any, refuse
from organisation import queries as organisation


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """The outlook of a proposal with its predicted cost in minor units and the consents it needs.

    `outlook` is None where the outcome is no share of users: users per arm cannot be told then.
    """

    surface: str
    outcome: str
    cost_minor: float
    currency: str
    approvals: tuple[Approver, ...]
    waiting_requests: float
    outlook: planner.Outlook | None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "approvals": [each.value for each in self.approvals]}


def plan_study(
    *,
    surface: str,
    doses_ms: Sequence[int],
    share_ppm: int,
    days: int,
    units_a_day: float,
    slope: float,
) -> StudyPlan:
    """`slope` is the loss to be seen as a share per 100 ms, above 0. Raises Refused with every broken cap,
    and for a surface that does not say what it brings in."""
    proposal = Proposal(tuple(sorted(doses_ms)), share_ppm, days, 1, 1)
    raise_if_any(caps.problems(proposal))
    if not (units_a_day > 0 and 0 < slope <= 1):
        raise refuse("slope", slope, "this is no loss", "0.005 is half a per cent per 100 ms.")
    organisation.surface(surface)
    model = queries.value_model(surface)
    if model is None:
        why, fix = "nobody said what it brings in", "Say so first, so that the cost is known."
        raise refuse("surface", surface, why, fix)
    yearly = queries.as_value(model).per_year().value
    level = model.outcome_level
    outlook = None
    if level is not None and 0 < level < 1:
        outlook = planner.outlook(proposal, level=level, units_a_day=units_a_day, slope=-slope)
    return StudyPlan(
        surface=surface,
        outcome=model.outcome,
        cost_minor=caps.predicted_cost(yearly_minor=yearly, proposal=proposal),
        currency=model.currency,
        approvals=caps.needed_approvals(proposal),
        waiting_requests=planner.waiting(proposal, units_a_day),
        outlook=outlook,
    )
