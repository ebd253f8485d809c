"""What a study that slows users down may do at most, whoever asks for it.

Share, dose and duration are caps, not defaults: a study beyond them cannot be stored. A dose above one second
needs a second approval. Predicted cost is at the steep end of what randomised studies have found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from impact.grades import PLAUSIBLE_PER_100_MS
from ledger.refusals import Problem, problem

MOST_SHARE_PPM = 20_000
"""Of all users, in each arm that is slowed down."""
MOST_DOSE_MS = 1_000
MOST_DOSE_TWICE_APPROVED_MS = 2_000
LEAST_DOSE_MS = 10
MOST_DOSES = 8
MOST_DAYS = 28
LEAST_DAYS = 7
MOST_EXPOSURES = 10**9
STEEPEST = -PLAUSIBLE_PER_100_MS[0]
DAYS_A_YEAR = 365.25


class Approver(StrEnum):
    """Whose consent a study needs; `second` for doses above one second."""

    SURFACE_OWNER = "surface_owner"
    METRIC_OWNER = "metric_owner"
    SPONSOR = "sponsor"
    SECOND = "second"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A study as it is asked for. `share_ppm` is that of each arm, those without delay included: the placebo,
    which goes through the same code, and the untouched group, which the placebo is compared with."""

    doses_ms: tuple[int, ...]
    share_ppm: int
    days: int
    exposures: int
    concurrent: int

    @property
    def arms(self) -> int:
        return len(self.doses_ms) + 2

    @property
    def coverage_ppm(self) -> int:
        """Of all users, in any arm of the study."""
        return self.arms * self.share_ppm

    @property
    def duration(self) -> timedelta:
        return timedelta(days=self.days)


def needed_approvals(proposal: Proposal) -> tuple[Approver, ...]:
    usual = (Approver.SURFACE_OWNER, Approver.METRIC_OWNER, Approver.SPONSOR)
    return (*usual, Approver.SECOND) if max(proposal.doses_ms, default=0) > MOST_DOSE_MS else usual


def problems(proposal: Proposal) -> list[Problem]:
    """Every cap that the proposal breaks."""
    found = list(_dose_problems(proposal.doses_ms))
    if not 1 <= proposal.share_ppm <= MOST_SHARE_PPM:
        why = f"an arm may hold up to {MOST_SHARE_PPM / 10_000:g} % of users"
        found.append(problem("share_ppm", proposal.share_ppm, why, "Run longer instead."))
    if not LEAST_DAYS <= proposal.days <= MOST_DAYS:
        why = f"a study runs {LEAST_DAYS} to {MOST_DAYS} days"
        found.append(problem("days", proposal.days, why, "Every weekday has to be in it."))
    if not 1 <= proposal.exposures <= MOST_EXPOSURES:
        fix = "Give how many requests may be slowed down in all."
        found.append(problem("exposures", proposal.exposures, "this is no budget", fix))
    if not 1 <= proposal.concurrent <= 1000:
        fix = "Give how many requests of one process may wait at the same time."
        found.append(problem("concurrent", proposal.concurrent, "this is no limit", fix))
    return found


def predicted_cost(*, yearly_minor: float, proposal: Proposal) -> float:
    """What the study will cost at most, in minor units: 1 % per 100 ms of what the slowed users bring in."""
    share = proposal.share_ppm / 1_000_000
    steps = sum(proposal.doses_ms) / 100
    return yearly_minor * STEEPEST * steps * share * proposal.days / DAYS_A_YEAR


def _dose_problems(doses: Sequence[int]) -> list[Problem]:
    shown = list(doses)
    if not 1 <= len(doses) <= MOST_DOSES or len(set(doses)) != len(doses):
        fix = "For example 50, 100, 200, 400."
        return [problem("doses_ms", shown, f"a ladder has 1 to {MOST_DOSES} different doses", fix)]
    if min(doses) < LEAST_DOSE_MS or max(doses) > MOST_DOSE_TWICE_APPROVED_MS:
        why = f"a dose is {LEAST_DOSE_MS} to {MOST_DOSE_TWICE_APPROVED_MS} ms"
        return [problem("doses_ms", shown, why, "The groups without delay are added by themselves.")]
    return []
