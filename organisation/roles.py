"""What each role may do.

A site without any grant is open: everybody who can log in may do everything, as on a laptop. With the
first grant roles hold, and whoever holds none only looks. Superusers hold `admin` everywhere, so that
nobody is locked out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A grant names one; reviewers also have a discipline."""

    VIEWER = "viewer"
    EXPERIMENTER = "experimenter"
    REVIEWER = "reviewer"
    METRIC_OWNER = "metric_owner"
    ADMIN = "admin"


class Discipline(StrEnum):
    """What a reviewer answers for in a launch review."""

    PERFORMANCE = "performance"
    QUALITY = "quality"
    DATA = "data"
    PRIVACY = "privacy"
    LEGAL = "legal"
    PRODUCT = "product"


class Right(StrEnum):
    """Something one may do; every address that changes something asks for one of them."""

    LOOK = "look"
    EXPERIMENT = "experiment"
    REVIEW = "review"
    DEFINE_METRICS = "define_metrics"
    ADMINISTER = "administer"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.LOOK}),
    Role.EXPERIMENTER: frozenset({Right.LOOK, Right.EXPERIMENT}),
    Role.REVIEWER: frozenset({Right.LOOK, Right.REVIEW}),
    Role.METRIC_OWNER: frozenset({Right.LOOK, Right.DEFINE_METRICS}),
    Role.ADMIN: frozenset(Right),
}
MEANINGS: dict[Role, str] = {
    Role.VIEWER: "reads every page",
    Role.EXPERIMENTER: "changes flags and runs experiments",
    Role.REVIEWER: "signs launch reviews for one discipline",
    Role.METRIC_OWNER: "defines and promotes metrics",
    Role.ADMIN: "does everything, and gives roles",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """One role somebody holds; an empty environment stands for all of them."""

    role: Role
    environment: str = ""
    discipline: Discipline | None = None

    def covers(self, environment: str) -> bool:
        """Whether the grant holds there. What concerns every environment needs a grant for every one."""
        return self.environment in ("", environment)


def may(grants: Iterable[Grant], right: Right, environment: str = "") -> bool:
    """Whether one of the grants gives the right there."""
    if right is Right.LOOK:
        return True
    return any(right in RIGHTS[grant.role] and grant.covers(environment) for grant in grants)


def may_sign(grants: Iterable[Grant], discipline: Discipline, environment: str = "") -> bool:
    """Whether one of the grants lets its holder answer for the discipline there; admins alone do not."""
    return any(
        grant.role is Role.REVIEWER and grant.discipline is discipline and grant.covers(environment)
        for grant in grants
    )
