"""Making an environment what reviewed files say: all changes in one transaction, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from flags import changes as differences
from flags import definitions, queries, whole, words
from flags.gitops import Change, in_order
from flags.models import Environment, Flag, FlagVersion
from flags.services import catalogue, environments, layers, reasons, segments, versions
from flags.services.together import Together, together
from flags.services.versions import Act
from ledger.refusals import Conflict, Problem, Refused, problem, refuse


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change: the version in force afterwards, and what it means in words."""

    change: Change
    version: int | None
    words: tuple[str, ...]
    refusal: Refused | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why it was not made, fields named by the object they belong to."""
        found = self.refusal.problems if self.refusal else ()
        return tuple(_named(self.change, each) for each in found)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the changes happen and whose they are.

    `may_share`: also what other environments would feel. `as_drafts`: flags get drafts instead of versions.
    """

    environment: Environment
    act: Act
    several: Together
    may_share: bool
    as_drafts: bool = False


@transaction.atomic
def apply_changes(
    *,
    environment: str,
    changes: Sequence[Change],
    actor: str,
    now: datetime,
    reason: str,
    may_share: bool,
    is_trial: bool = False,
    as_drafts: bool = False,
) -> list[Outcome]:
    """Make all changes, or raise one Refused with every problem of every change and leave all as it was.

    A trial makes them, says what would become of each, and takes them back. A change whose `seen` is not the
    version in force is refused: somebody changed the object after the plan was made. `as_drafts` saves flags
    as drafts, for environments where somebody else has to approve what opens a flag.
    """
    why = reasons.checked(reason, needed="" if is_trial else "a change of several flags")
    environments.all_locked()
    with together() as several:
        frame = Frame(environments.locked(environment), Act(actor, now, why), several, may_share, as_drafts)
        outcomes = [_outcome(frame, change) for change in in_order(changes)]
    if is_trial:
        transaction.set_rollback(True)
        return outcomes
    _raise_refusals(outcomes)
    environments.build_waiting(several, now=now)
    return outcomes


def _raise_refusals(outcomes: Sequence[Outcome]) -> None:
    refused = [outcome for outcome in outcomes if outcome.refusal]
    found = [each for outcome in refused for each in outcome.problems]
    if found:
        is_state = all(isinstance(outcome.refusal, Conflict) for outcome in refused)
        raise (Conflict if is_state else Refused)(*found)


def _outcome(frame: Frame, change: Change) -> Outcome:
    """What the change did, or why it was taken back; the others go on so that everything is said at once."""
    steps = frame.several.steps
    try:
        with transaction.atomic():
            return _made(frame, change)
    except Refused as refused:
        frame.several.take_back(steps)
        return Outcome(change, None, (), refused)


def _named(change: Change, found: Problem) -> Problem:
    return Problem(f"{change.name}.{found.field}", found.value, found.reason, found.fix)


def _made(frame: Frame, change: Change) -> Outcome:
    if change.action == "archive":
        return _archived(frame, change)
    return {"layer": _layer, "segment": _segment, "flag": _flag}[change.kind](frame, change)


def _layer(frame: Frame, change: Change) -> Outcome:
    known = next((row for row in queries.layers() if row.key == change.key), None)
    unit_type = change.settings.get("unit_type", "user")
    if known is not None:
        if known.unit_type != unit_type:
            why = f"the layer draws {known.unit_type} units, for ever"
            raise Conflict(problem("unit_type", unit_type, why, "Make another layer."))
        return Outcome(change, None, ())
    if not frame.may_share:
        raise Conflict(problem("key", change.key, "a layer concerns every environment", PERSON))
    layers.create_layer(key=change.key, unit_type=unit_type, actor=frame.act.actor, now=frame.act.now)
    return Outcome(change, None, ("new layer",))


PERSON = "A person has to do it, in the console."


def _segment(frame: Frame, change: Change) -> Outcome:
    actor, now = frame.act.actor, frame.act.now
    known = next((row for row in queries.segments() if row.key == change.key), None)
    if known is None:
        segments.create_segment(key=change.key, **change.settings, actor=actor, now=now)
    before = queries.segment_versions(queries.segment(change.key), frame.environment).first()
    if before is not None and definitions.same(before.definition, change.content):
        return Outcome(change, before.number, ())
    made = segments.publish_segment(
        segment=change.key,
        environment=frame.environment.key,
        when=change.content or {},
        seen=change.seen,
        reason=frame.act.reason,
        actor=actor,
        now=now,
    )
    old = words.condition(before.definition) if before else "nobody"
    return Outcome(change, made.number, (f"{old} → {words.condition(made.definition)}",))


def _flag(frame: Frame, change: Change) -> Outcome:
    known = Flag.objects.filter(key=change.key).first()
    said = _new_flag(frame, change) if known is None else _edited(frame, change, known)
    where = versions.place(change.key, frame.environment.key)
    content, live = change.content or {}, where.live
    if live is not None and definitions.same(live.definition, _whole(content, live.definition)):
        return Outcome(change, live.number, tuple(said))
    if (live.number if live else 0) != change.seen:
        now_live = f"version {live.number} by {live.published_by}" if live else "nothing"
        why = f"the flag moved on since the plan was made: live is {now_live}"
        raise Conflict(problem("seen", change.seen, why, "Make a new plan and look at it."))
    made = (
        _drafted(frame, where, content)
        if frame.as_drafts
        else versions.change_live(where, content, frame.act)
    )
    differing = differences.between(live.definition if live else None, made.definition)
    return Outcome(change, made.number, (*said, *(each.words for each in differing)))


def _drafted(frame: Frame, where: versions.Place, content: Mapping[str, Any]) -> FlagVersion:
    """The content as a draft. Raises Conflict where somebody else writes one."""
    draft = queries.draft(where.flag, where.environment)
    if draft is not None and draft.author != frame.act.actor:
        fix = "Publish or drop it first."
        raise Conflict(problem("draft", draft.number, f"there is a draft by {draft.author}", fix))
    return versions.save_draft(
        flag=where.flag.key,
        environment=where.environment.key,
        definition=content,
        actor=frame.act.actor,
        now=frame.act.now,
    )


def _whole(content: Any, live: Any) -> dict[str, Any]:
    """The content with the identity that the live definition spells out."""
    return {"type": live["type"], "unit_type": live["unit_type"], **content}


def _new_flag(frame: Frame, change: Change) -> list[str]:
    settings = dict(change.settings)
    value_type = settings.pop("type", None)
    if value_type is None:
        raise refuse("type", None, "a new flag needs a type", "Possible are: bool, string, number, json.")
    catalogue.create_flag(
        key=change.key,
        value_type=value_type,
        in_environments=[],
        reason=frame.act.reason,
        actor=frame.act.actor,
        now=frame.act.now,
        **settings,
    )
    return ["new flag"]


def _edited(frame: Frame, change: Change, flag: Flag) -> list[str]:
    """Settings that differ, changed; type and unit stay for ever."""
    for name, fixed in (("type", flag.value_type), ("unit_type", flag.unit_type)):
        if change.settings.get(name, fixed) != fixed:
            why = f"the flag's {name} is {fixed}, for ever"
            raise Conflict(problem(name, change.settings[name], why, "Make another flag."))
    present = whole.settings_of(flag)
    differing = {
        name: value
        for name, value in change.settings.items()
        if name in present and (value or None) != (present[name] or None)
    }
    if not differing:
        return []
    _raise_if_shared(frame, flag, next(iter(differing)))
    catalogue.edit_flag(flag=flag.key, content=differing, actor=frame.act.actor, now=frame.act.now)
    return [_words(name, present[name], value) for name, value in differing.items()]


def _words(name: str, before: object, after: object) -> str:
    if name == "json_schema":
        return "another JSON schema for its values"
    return f"{name}: {before or 'none'} → {after or 'none'}"


def _archived(frame: Frame, change: Change) -> Outcome:
    flag = queries.flag(change.key)
    _raise_if_shared(frame, flag, "archived")
    live = queries.live_version(flag, frame.environment)
    if (live.number if live else 0) != change.seen:
        why = "the flag moved on since the plan was made"
        raise Conflict(problem("seen", change.seen, why, "Make a new plan and look at it."))
    why = frame.act.reason or "not in the files any more"
    catalogue.archive(flag=flag.key, actor=frame.act.actor, now=frame.act.now, reason=why)
    return Outcome(change, None, ("archived: product code gets the default written in it",))


def _raise_if_shared(frame: Frame, flag: Flag, field: str) -> None:
    elsewhere = [] if frame.may_share else whole.served_elsewhere(flag, frame.environment.key)
    if elsewhere:
        why = f"this would be felt in {', '.join(elsewhere)} too, where the flag is served"
        raise Conflict(problem(field, flag.key, why, PERSON))
