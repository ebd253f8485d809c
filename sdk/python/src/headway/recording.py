"""What happened to whom: exposures, each once a day and version, and tracked events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timezone
from typing import Any, Optional

from headway.counting import Counters
from headway.evaluation import Evaluation, unit_text
from headway.logs import Voice
from headway.outbox import Outbox

MAX_NAME = 128
MAX_DIMS = 32
MAX_DIM_NAME = 64
MAX_DIM_VALUE = 256
MAX_VALUE = 2**53 - 1

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Seen:
    """Which units' exposures were noted, in bounded memory.

    Every answer holds the set of its own units, so that asking costs one look-up. When half the room is
    used, the sets become the old generation and fresh ones are begun: what is asked for often stays known.
    """

    def __init__(self, size: int) -> None:
        self._half = max(size // 2, 1)
        self._count = 0
        self._answers: dict[int, Evaluation] = {}
        self._old: dict[int, tuple[Evaluation, set[str]]] = {}

    def start_anew(self) -> None:
        """Forget everything."""
        for answer in self._answers.values():
            answer.begin_set()
        self._answers, self._old = {}, {}
        self._count = 0

    def is_news(self, answer: Evaluation, unit: str) -> bool:
        """Note a unit; True when it was not known."""
        if unit in answer.noted:
            return False
        _, old = self._old.get(id(answer), (answer, ()))
        is_old = unit in old
        if self._count >= self._half:
            self._turn()
        self._answers[id(answer)] = answer
        answer.noted.add(unit)
        self._count += 1
        return not is_old

    def _turn(self) -> None:
        """The answers stay beside their old sets, so that no other answer gets their identity."""
        self._old = {identity: (answer, answer.begin_set()) for identity, answer in self._answers.items()}
        self._answers = {}
        self._count = 0


class Recorder:
    """Puts exposures and events into the outbox. Never raises for bad input: it is counted and logged."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        clock: Clock,
        unit_type: str,
        exposure_dims: Sequence[str],
        max_units: int,
        counters: Counters,
        voice: Voice,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._unit_type = unit_type
        self._exposure_dims = tuple(exposure_dims)[:MAX_DIMS]
        self._seen = Seen(max_units)
        self._day: Optional[date] = None
        self._counters = counters
        self._voice = voice
        self.reset_lock()

    def reset_lock(self) -> None:
        self._lock = threading.RLock()

    def turn_day(self) -> None:
        """A new day begins with nobody seen."""
        with self._lock:
            self._begin(self._now().date())

    def expose(self, answer: Evaluation, unit: object, attributes: object) -> int:
        """Note that a unit was given an answer, if that is news; the number of events that wait."""
        source = unit if answer.unit_from is None else _attribute(attributes, answer.unit_from)
        text, _ = unit_text(source)
        if text is None:
            return 0
        now = self._now()
        with self._lock:
            self._begin(now.date())
            if not self._seen.is_news(answer, text):
                return 0
        self._counters.add("exposures")
        return self._outbox.put(self._exposure(answer, text, attributes, now))

    def track(self, event: Mapping[str, Any], dims: Optional[Mapping[str, Any]]) -> int:
        """Note an event; the number of events that wait."""
        made, fault = self._event(event, dims)
        if made is None:
            self._counters.add("invalid_events")
            self._voice.warn("invalid", "headway: an event was not taken: %s", fault)
            return 0
        self._counters.add("events")
        return self._outbox.put(made)

    def _now(self) -> datetime:
        now = self._clock()
        return now if now.tzinfo is not None else now.astimezone()

    def _begin(self, day: date) -> None:
        if day != self._day:
            self._day = day
            self._seen.start_anew()

    def _exposure(self, answer: Evaluation, unit: str, attributes: object, now: datetime) -> dict[str, Any]:
        exposure: dict[str, Any] = {
            "kind": "exposure",
            "ts": now,
            "unit": unit,
            "unit_type": answer.unit_type,
            "flag": answer.flag,
            "variant": answer.variant,
            "version": answer.version,
            "experiment": answer.experiment,
        }
        if answer.is_forced:
            exposure["forced"] = True
        dims = {name: _attribute(attributes, name) for name in self._exposure_dims}
        texts = {name: text for name, value in dims.items() if (text := _dim_text(value)) is not None}
        if texts:
            exposure["dims"] = texts
        return exposure

    def _event(
        self, event: Mapping[str, Any], dims: Optional[Mapping[str, Any]]
    ) -> tuple[Optional[dict[str, Any]], str]:
        unit, fault = unit_text(event["unit"])
        fault = fault or _name_fault(event["name"]) or _value_fault(event["value"])
        session, session_fault = (None, "") if event["session"] is None else unit_text(event["session"])
        texts, dims_fault = _dims(dims)
        fault = fault or session_fault.replace("the unit", "the session") or dims_fault
        if fault:
            return None, fault
        made: dict[str, Any] = {
            "kind": "event",
            "ts": self._now(),
            "unit": unit,
            "unit_type": event["unit_type"] or self._unit_type,
            "name": event["name"],
        }
        optional = {"value": event["value"], "session": session, "dims": texts or None}
        made.update((name, value) for name, value in optional.items() if value is not None)
        return made, ""


def _attribute(attributes: object, name: str) -> object:
    return attributes.get(name) if isinstance(attributes, Mapping) else None


def _name_fault(name: object) -> str:
    is_name = isinstance(name, str) and 1 <= len(name) <= MAX_NAME
    return "" if is_name else f"its name has to be a text of 1 to {MAX_NAME} characters"


def _value_fault(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"its value has to be a number, it is a {type(value).__name__}"
    return "" if -MAX_VALUE <= value <= MAX_VALUE else "its value is no number within ±2^53"


def _dims(dims: Optional[Mapping[str, Any]]) -> tuple[dict[str, str], str]:
    if dims is None:
        return {}, ""
    if not isinstance(dims, Mapping) or len(dims) > MAX_DIMS:
        return {}, f"dims have to be a mapping of at most {MAX_DIMS}"
    texts = {}
    for name, value in dims.items():
        text = _dim_text(value)
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_DIM_NAME:
            return {}, f"the name of a dim has 1 to {MAX_DIM_NAME} characters"
        if text is None:
            return {}, f"the dim {name} has to be a text of at most {MAX_DIM_VALUE} characters"
        texts[name] = text
    return texts, ""


def _dim_text(value: object) -> Optional[str]:
    """Texts as they are, true and false in small letters, numbers in decimal; None for the rest."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        value = repr(value)
    if not isinstance(value, str) or len(value) > MAX_DIM_VALUE:
        return None
    return value
