"""What has to be approved by a second person before it is served, where an environment says so. Pure.

Only what closes a flag goes without: it is how harm is stopped. A first version that serves one variant to
everybody opens nothing. Experiments are reviewed as a whole, so their own changes are excused.
"""

from typing import Protocol

from flags import opening
from flags.definitions import Definition
from flags.gates import Blocked, Finding

CODE = "review"


class Reviewed(Protocol):
    """An environment, as far as reviews need to know it."""

    key: str
    requires_review: bool


def check(
    environment: Reviewed, before: Definition | None, after: Definition, *, is_excused: bool = False
) -> None:
    """Raise Blocked unless the change was approved or needs no approval."""
    if not environment.requires_review or is_excused:
        return
    if before is None and opening.reach_ppm(after) == 0:
        return
    raise Blocked("publish", (finding(environment.key),))


def check_segment(environment: Reviewed, segment: str, flag: str) -> None:
    """Raise Blocked where a segment's new members would reach a flag without a review of that flag."""
    if environment.requires_review:
        found = Finding(
            code=CODE,
            title=f"flag {flag} looks at segment {segment}, and {environment.key} requires a review",
            fix="Make another segment and let a reviewed version of the flag look at it.",
        )
        raise Blocked("publish", (found,))


def finding(environment: str) -> Finding:
    """The objection, in words."""
    return Finding(
        code=CODE,
        title=f"in {environment} somebody else has to approve what opens a flag",
        fix="Save it as a draft and submit it for review; closing and switching off need none.",
    )
