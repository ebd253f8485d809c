"""What stands beside a report and is not part of it: reviews, sign-offs, incidents, earlier experiments.

Sign-offs are given on a snapshot and therefore come after it; the page shows them live. They are made in the
apps above this one: whoever has them registers a function when the app is ready. Nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SignOffState(StrEnum):
    """expired: the report changed materially after it was given, so that it no longer counts."""

    PENDING = "pending"
    APPROVED = "approved"
    CONDITIONAL = "approved_with_conditions"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class SignOff:
    """One discipline's answer. `discipline` is performance, quality, data, privacy, legal or product;
    `sha256` the snapshot it was given on, `note` its conditions or reason. Pending ones have neither `by`
    nor `at`."""

    discipline: str
    state: SignOffState
    by: str = ""
    at: datetime | None = None
    sha256: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A page of this console. `word` is its state in one word, `tone` ends a CSS class: ok, warn, blocked."""

    title: str
    url: str
    word: str = ""
    tone: str = "muted"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one experiment. `review` is the newest launch review."""

    review: Link | None = None
    sign_offs: tuple[SignOff, ...] = ()
    incidents: tuple[Link, ...] = ()
    waivers: tuple[Link, ...] = ()
    earlier: tuple[Link, ...] = ()


StandingOf = Callable[[str], Standing | None]
_providers: list[StandingOf] = []


def register(standing_of: StandingOf) -> None:
    """Ask `standing_of(experiment key)` for every report that is shown. Twice is the same as once."""
    if standing_of not in _providers:
        _providers.append(standing_of)


def standing(experiment: str) -> Standing:
    """Everything that anybody knows of the experiment."""
    found = [known for provider in _providers if (known := provider(experiment)) is not None]
    return Standing(
        review=next((each.review for each in found if each.review is not None), None),
        sign_offs=tuple(sign_off for each in found for sign_off in each.sign_offs),
        incidents=tuple(link for each in found for link in each.incidents),
        waivers=tuple(link for each in found for link in each.waivers),
        earlier=tuple(link for each in found for link in each.earlier),
    )


def is_known() -> bool:
    """Does anybody keep sign-offs at all?"""
    return bool(_providers)
