"""What somebody owns, over all apps.

Each app registers how its owned things are listed and handed over; this app lists them together, finds those
whose owner has left, and hands all of a person's things to somebody else in one step.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Owned:
    """One owned thing: what it is, its key, its page, and who answers for it."""

    kind: str
    key: str
    title: str
    owner: str
    backup: str = ""
    address: str = ""

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.key}"


class Transfer(Protocol):
    """Makes `owner` the owner of the thing `key`, with one audit row; runs inside a transaction."""

    def __call__(self, *, key: str, owner: str, actor: str, now: datetime, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Holding:
    """How one kind of things is listed and handed over."""

    owned: Callable[[], Iterable[Owned]]
    transfer: Transfer


_holdings: dict[str, Holding] = {}


def register(kind: str, *, owned: Callable[[], Iterable[Owned]], transfer: Transfer) -> None:
    """Called by apps from `ready()`. Twice is the same as once."""
    _holdings[kind] = Holding(owned, transfer)


def everything() -> list[Owned]:
    """All owned things, kind by kind in the order of registration."""
    return [thing for holding in _holdings.values() for thing in holding.owned()]


def of(owner: str) -> list[Owned]:
    """What this person owns."""
    return [thing for thing in everything() if thing.owner == owner]


def hand_over(thing: Owned, *, owner: str, actor: str, now: datetime, reason: str) -> None:
    """Make `owner` the owner of the thing."""
    _holdings[thing.kind].transfer(key=thing.key, owner=owner, actor=actor, now=now, reason=reason)
