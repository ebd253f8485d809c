"""Changes of an environment as reviewed files ask for them, read strictly, in a workable order. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ledger.refusals import Problem, Refused, problem, raise_if_any

Kind = Literal["layer", "segment", "flag"]
Action = Literal["set", "archive"]
KINDS: tuple[Kind, ...] = ("layer", "segment", "flag")
SETTINGS: Mapping[Kind, tuple[str, ...]] = {
    "layer": ("unit_type",),
    "segment": ("title", "owner"),
    "flag": (
        "title",
        "owner",
        "backup",
        "team",
        "kind",
        "type",
        "unit_type",
        "expires_on",
        "is_client_side",
        "json_schema",
    ),
}
FIELDS = {"kind", "key", "action", "seen", "settings", "content"}
MOST_CHANGES = 1_000
"""So many take some twenty seconds, in which all other changes on the platform wait."""
SEEN = "Give the number of the version that the plan was made with, 0 when there was none."


@dataclass(frozen=True, slots=True)
class Change:
    """One object as it has to be. `seen` is the version that the plan was made with, 0 when there was none.

    `content` is a flag's definition or a segment's condition; layers have none.
    """

    kind: Kind
    key: str
    action: Action = "set"
    seen: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    content: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return f"{self.kind}s.{self.key}"


def read_changes(rows: Sequence[Any]) -> tuple[Change, ...]:
    """The changes in the order in which they can be made. Raises Refused with every problem."""
    if not 1 <= len(rows) <= MOST_CHANGES:
        fix = f"Give 1 to {MOST_CHANGES:,} changes at once."
        raise Refused(problem("changes", len(rows), "this is no possible number of changes", fix))
    raise_if_any(found for index, row in enumerate(rows) for found in _problems(index, row))
    changes = [Change(**row) for row in rows]
    names = [change.name for change in changes]
    raise_if_any(
        problem("changes", name, "two changes are about the same object", "Put them together.")
        for name in sorted({name for name in names if names.count(name) > 1})
    )
    return in_order(changes)


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Layers, then segments, then flags, each behind what it refers to; what goes away comes last."""
    waiting = sorted(changes, key=_rank)
    by_name = {change.name: change for change in waiting}
    placed: dict[str, Change] = {}
    for change in waiting:
        _place(change, by_name, placed, ())
    return tuple(placed.values())


def _rank(change: Change) -> tuple[bool, int, str]:
    return change.action == "archive", KINDS.index(change.kind), change.key


def _place(
    change: Change, known: Mapping[str, Change], placed: dict[str, Change], above: tuple[str, ...]
) -> None:
    """Put a change behind those it needs. A circle is left as it is: the compiler refuses it in words."""
    if change.name in placed or change.name in above:
        return
    for needed in _needs(change):
        if needed in known:
            _place(known[needed], known, placed, (*above, change.name))
    placed[change.name] = change


def _needs(change: Change) -> list[str]:
    if change.action == "archive" or change.content is None:
        return []
    if change.kind == "segment":
        return [f"segments.{key}" for key in segments_in(change.content)]
    prerequisites = change.content.get("prerequisites")
    listed = prerequisites if isinstance(prerequisites, list) else []
    return [f"flags.{each.get('flag')}" for each in listed if isinstance(each, Mapping)]


def segments_in(content: Any) -> list[str]:
    """Every segment that a condition refers to, however deep."""
    if isinstance(content, Mapping):
        named = content.get("segment")
        own = [named] if isinstance(named, str) else []
        return own + [key for inner in content.values() for key in segments_in(inner)]
    if isinstance(content, list):
        return [key for inner in content for key in segments_in(inner)]
    return []


def _problems(index: int, row: Any) -> Iterable[Problem]:
    at = f"changes[{index}]"
    if not isinstance(row, Mapping):
        yield problem(at, row, "this is no JSON object", "Give kind, key, settings and content.")
        return
    for name in sorted(set(row) - FIELDS):
        yield problem(
            f"{at}.{name}", row[name], "there is no such field", f"Possible are: {_listed(FIELDS)}."
        )
    yield from _identity(at, row)
    seen = row.get("seen", 0)
    if not isinstance(seen, int) or isinstance(seen, bool) or seen < 0:
        yield problem(f"{at}.seen", seen, "this is no number of a version", SEEN)
    for name in ("settings", "content"):
        value = row.get(name, {})
        if not isinstance(value, Mapping) and not (name == "content" and value is None):
            yield problem(f"{at}.{name}", value, "this is no JSON object", "Give an object.")


def _identity(at: str, row: Mapping[str, Any]) -> Iterable[Problem]:
    kind, action = row.get("kind"), row.get("action", "set")
    if kind not in KINDS:
        yield problem(f"{at}.kind", kind, "there is no such kind", f"Possible are: {_listed(KINDS)}.")
        return
    if action not in ("set", "archive") or (action == "archive" and kind != "flag"):
        yield problem(f"{at}.action", action, f"this cannot be done with a {kind}", "Flags can be archived.")
    if not isinstance(row.get("key"), str):
        yield problem(f"{at}.key", row.get("key"), "this is no key", "Give the key as text.")
    if action == "set" and kind != "layer" and not isinstance(row.get("content"), Mapping):
        yield problem(f"{at}.content", row.get("content"), "this is no JSON object", "Say what it has to be.")
    settings = row.get("settings", {})
    for name in settings if isinstance(settings, Mapping) else ():
        if name not in SETTINGS[kind]:
            fix = f"Possible are: {_listed(SETTINGS[kind])}."
            yield problem(f"{at}.settings.{name}", settings[name], "there is no such setting", fix)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
