"""Many changes in one transaction: what they are checked against is read once, and documents are built once.

Without an open `together()` every change reads and checks the whole environment and builds its document.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from flags import document, queries
from flags.document import Standing
from flags.models import Environment


@dataclass(slots=True)
class Waiting:
    """A document to be built at the end. `flags` are the entries that may differ, unless more does."""

    environment: Environment
    version: int
    flags: set[str] = field(default_factory=set)
    is_whole: bool = False

    def told(self) -> tuple[str, ...]:
        return () if self.is_whole else tuple(sorted(self.flags))


class Together:
    """Changes under way. `steps` counts what was brought into force, so that one taken back is noticed."""

    def __init__(self) -> None:
        self.waiting: dict[int, Waiting] = {}
        self.steps = 0
        self._standing: dict[int, Standing] = {}

    def standing(self, environment: Environment) -> Standing:
        found = self._standing.get(environment.id)
        if found is None:
            parts = queries.document_parts(environment)
            found = self._standing[environment.id] = Standing(parts)
        return found

    def note(self, environment: Environment, version: int, flags: Collection[str]) -> int:
        """Build the document later; these flags differ from now on, or more does when none is named."""
        self.steps += 1
        waiting = self.waiting.setdefault(environment.id, Waiting(environment, version))
        waiting.flags.update(flags)
        if flags:
            self.standing(environment).put(flags, queries.served_flags(environment, flags))
        else:
            waiting.is_whole = True
            self._standing.pop(environment.id, None)
        return waiting.version

    def take_back(self, steps: int) -> None:
        """A change made after `steps` steps was undone: what stands is read again."""
        if self.steps != steps:
            self._standing.clear()


_open: ContextVar[Together | None] = ContextVar("together", default=None)


def current() -> Together | None:
    return _open.get()


@contextmanager
def together() -> Iterator[Together]:
    """Inside, `environments.rebuild` only notes what has to be built. The caller builds it."""
    made = Together()
    token = _open.set(made)
    try:
        yield made
    finally:
        _open.reset(token)


def check(environment: Environment, flag: str, definition: Mapping[str, Any]) -> None:
    """Raise Refused with everything an SDK would refuse if the flag said this."""
    now = current()
    if now is None:
        document.check(queries.document_parts(environment), flag, definition)
    else:
        now.standing(environment).check(flag, definition)


def check_without(environment: Environment, flag: str) -> None:
    """Raise Refused unless SDKs would take the document without a flag that is archived already."""
    now = current()
    if now is None or now.standing(environment).is_wanted(flag):
        document.check_whole(queries.document_parts(environment))
