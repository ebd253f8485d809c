"""Asking everybody who may object before a flag opens, and flags that open with it.

A flag whose prerequisite another one is opens when that one does, at most as far. Closing is never held up,
not even where it lets a flag open that waits for it to be closed.
"""

from collections.abc import Iterator
from dataclasses import replace

from flags import gates, opening, queries
from flags.gates import Action, Subject
from flags.models import Environment

OPENING: tuple[Action, ...] = ("publish", "ramp.advance")


def check(environment: Environment, subject: Subject) -> None:
    """Raise Blocked with every objection to the change, or to what it opens besides."""
    if not subject.opens_further:
        gates.check("publish", subject)
        return
    gates.check_all(OPENING, subject)
    for other in _opened_besides(environment, subject):
        gates.check_all(OPENING, other)


def _opened_besides(environment: Environment, subject: Subject) -> Iterator[Subject]:
    needing = queries.live_versions(environment).filter(flag__key__in=_needing(environment, subject.flag))
    for version in needing:
        reach = opening.reach_when_met_ppm(version.definition)
        other = replace(
            subject,
            flag=version.flag.key,
            experiment="",
            coverage_before_ppm=min(reach, subject.coverage_before_ppm),
            coverage_after_ppm=min(reach, subject.coverage_after_ppm),
            values=None,
        )
        if other.opens_further:
            yield other


def _needing(environment: Environment, flag: str) -> set[str]:
    """The flags that need this one, if only through others."""
    found: set[str] = set()
    waiting = [flag]
    while waiting:
        fresh = set(queries.dependents(waiting.pop(), environment)) - found
        found |= fresh
        waiting += fresh
    return found
