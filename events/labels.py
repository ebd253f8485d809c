"""What a labelled event says, read from what people and machines send. No Django, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import cast
from urllib.parse import urlsplit

from ledger.times import EARLIEST, TOO_EARLY
from metrics.reading import Fields, Findings, body_fields, what_is_wrong_with

MAX_SLICES = 10
MAX_LEVELS = 50
MAX_EXPECTED = 50
LONGEST_LINK = 500
FIELDS = ("kind", "title", "started_at", "ended_at", "slices", "expected", "link", "origin")
EXAMPLE = "Send a time with its zone, for example 2026-11-23T10:00:00Z."


class LabelKind(StrEnum):
    INCIDENT = "incident"
    FIX = "fix"
    DEPLOY = "deploy"
    INJECTION = "injection"
    EXPERIMENT = "experiment"
    NULL = "null"

    @property
    def words(self) -> str:
        """For people."""
        special = {"injection": "injected regression", "null": "nothing happened"}
        return special.get(self.value, self.value.capitalize())


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Label:
    """`slices` narrow it, `expected` says per metric which way it should have moved.

    `origin` names the machine's reason for writing it ("experiment:checkout stopped"); people leave it empty.
    """

    kind: LabelKind
    title: str
    started_at: datetime
    ended_at: datetime | None = None
    slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    expected: Mapping[str, Direction] = field(default_factory=dict)
    link: str = ""
    origin: str = ""


def read_label(body: object) -> Label:
    """A label from a decoded JSON body. Raises Refused with everything that is wrong."""
    fields = body_fields(body, FIELDS)
    label = Label(
        kind=fields.choice("kind", LabelKind, fix="Say what happened."),
        title=fields.text("title", fix="Say in a few words what happened."),
        started_at=_time(fields, "started_at") or datetime.min,
        ended_at=_time(fields, "ended_at", required=False),
        slices=_slices(fields),
        expected=_expected(fields),
        link=_link(fields),
        origin=fields.text("origin", fix="Leave it out.", default=""),
    )
    fields.findings.raise_if_any()
    return label


def check_times(label: Label, now: datetime, findings: Findings) -> None:
    """What happened began in the past and ended after it began."""
    started, ended = label.started_at, label.ended_at
    if started > now:
        why = "this is in the future"
        findings.add("started_at", started.isoformat(), why, "Label what has happened, not what is planned.")
    if ended is not None and not started <= ended <= now:
        why = "this is before the start" if ended < started else "this is in the future"
        findings.add("ended_at", ended.isoformat(), why, "Leave it out while it goes on.")


def read_time(name: str, value: object) -> datetime:
    """A time with its zone. Raises Refused."""
    fields = body_fields({name: value}, (name,))
    found = _time(fields, name)
    fields.findings.raise_if_any()
    return cast("datetime", found)


def _time(fields: Fields, name: str, *, required: bool = True) -> datetime | None:
    if not required and fields.values.get(name) in (None, ""):
        return None
    text = fields.text(name, fix=EXAMPLE)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fields.refuse(name, "this is not a time", EXAMPLE)
        return None
    if found.tzinfo is None:
        fields.refuse(name, "the zone is missing", EXAMPLE)
        return None
    if found < EARLIEST:
        fields.refuse(name, TOO_EARLY, EXAMPLE)
        return None
    return found


def _slices(fields: Fields) -> dict[str, tuple[str, ...]]:
    value = fields.values.get("slices") or {}
    fix = 'For example {"country": ["de", "at"]}.'
    if not isinstance(value, Mapping):
        fields.refuse("slices", "this is not an object", fix)
        return {}
    if len(value) > MAX_SLICES:
        fields.refuse("slices", f"these are {len(value)}, at most {MAX_SLICES} are possible", fix)
        return {}
    inner = Fields(value, value, fields.findings, "slices")
    for name in value:
        if fault := what_is_wrong_with(str(name), limit=64):
            fields.findings.add("slices", name, fault, fix)
    return {name: inner.names(name, fix=fix, limit=MAX_LEVELS) for name in sorted(map(str, value))}


def _expected(fields: Fields) -> dict[str, Direction]:
    fix = 'For example {"lcp-p75": "up"}; possible are "up", "down" and "none".'
    found = {}
    for metric, direction in fields.pairs("expected", fix=fix, limit=MAX_EXPECTED):
        if direction in list(Direction):
            found[metric] = Direction(direction)
        elif direction:
            fields.findings.add(f"expected.{metric}", direction, "this is no direction", fix)
    return found


def _link(fields: Fields) -> str:
    link = fields.text("link", fix="Leave it out.", default="", limit=LONGEST_LINK)
    if link and not is_address(link):
        fields.refuse("link", "this is not the address of a page", "It begins with https://.")
    return link


def is_address(link: str) -> bool:
    """Whether this may become a link on a page: only http and https, and up to 500 characters."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    is_plain = link.isascii() and link.isprintable() and len(link) <= LONGEST_LINK
    return is_plain and parts.scheme in {"http", "https"} and bool(parts.netloc)
