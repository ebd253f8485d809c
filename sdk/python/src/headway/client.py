"""The client: flags decided in this process, exposures and events delivered behind its back.

No call here raises or waits for the network, except those that take a timeout.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable, Optional, TypeVar, Union

from headway import __version__, forks
from headway.cachefile import CacheFile
from headway.configuring import Configuration, Source
from headway.counting import Counters
from headway.evaluation import Config, Evaluation
from headway.evaluation.results import ERROR, FLAG_NOT_FOUND, TYPE_MISMATCH
from headway.following import Follower
from headway.hooks import Hook
from headway.logs import Voice
from headway.loops import Loop
from headway.outbox import MAX_EVENTS, EventId, Outbox, random_id
from headway.recording import Clock, Recorder, utc_now
from headway.sending import Sender
from headway.sightings import Sightings
from headway.transport import KeyRing, Line, Transport

Key = Union[str, Callable[[], str]]
_T = TypeVar("_T")
_bool = bool
"""The type, where the accessor of that name stands in its light."""

SDK = f"headway-python/{__version__}"
DRAIN_S = 2.0


class Client:
    """Flags, exposures and events of one environment.

    `key` may be a function that returns the key, for keys that rotate. `cache_file` keeps the last good
    configuration across restarts, `bootstrap` is one to begin with. With `stream` changes arrive as they are
    made, and polls find what it missed. With `signing_key` a document that was changed on its way is refused.
    `clock` gives the time of exposures and
    events, `event_id` makes an event's id (a UUID) from its content: with both, a recording can be sent again
    and changes nothing. With `offline=True` nothing is fetched or sent.
    """

    def __init__(
        self,
        url: str,
        key: Key,
        *,
        poll_s: float = 30.0,
        flush_s: float = 5.0,
        timeout_s: float = 10.0,
        stream: bool = True,
        max_queue: int = 10_000,
        max_units: int = 65_536,
        exposure_dims: Sequence[str] = (),
        unit_type: str = "user",
        clock: Clock = utc_now,
        event_id: EventId = random_id,
        cache_file: Optional[str] = None,
        signing_key: Optional[str] = None,
        bootstrap: Union[Mapping[str, Any], str, bytes, None] = None,
        hooks: Iterable[Hook] = (),
        offline: bool = False,
    ) -> None:
        self._ready: dict[str, Any] = {}
        self._hooks = tuple(hooks)
        self._listeners: list[Callable[[Config], object]] = []
        self._offline = offline
        self._is_closed = False
        self._pid = os.getpid()
        line = Line(Transport(str(url), SDK, timeout_s), KeyRing(key), Counters(), Voice())
        self._keys, self._counts, self._voice = line.keys, line.counters, line.voice
        self._outbox = Outbox(max_queue, SDK, line.counters, event_id)
        cache = None if cache_file is None else CacheFile(cache_file, str(url))
        self._configuration = Configuration(
            line, poll_s=poll_s, cache=cache, on_change=self._use, signing_key=signing_key
        )
        self._recorder = Recorder(
            self._outbox,
            clock=clock,
            unit_type=unit_type,
            exposure_dims=exposure_dims,
            max_units=max_units,
            counters=line.counters,
            voice=line.voice,
        )
        tick = self._recorder.turn_day
        self._sender = Sender(line, self._outbox, flush_s=flush_s, tick=tick)
        self._sightings = Sightings(line, lambda: self._configuration.config.ready)
        polls = Loop("headway-config", self._poll, self._voice)
        self._follower = Follower(line, self._configuration, polls.wake)
        self._loops = (
            polls,
            Loop("headway-events", self._sender.step, self._voice),
            *([Loop("headway-stream", self._follower.step, self._voice)] if stream else []),
        )
        self._begin(bootstrap)

    def _begin(self, bootstrap: object) -> None:
        if bootstrap is not None:
            self._configuration.bootstrap(bootstrap)
        self._configuration.load()
        forks.register(self)
        if not self._offline:
            for loop in self._loops:
                loop.start()

    # Flags

    def evaluate(
        self, flag: str, unit: object = None, attributes: object = None, default: Any = None
    ) -> Evaluation:
        """The answer of a flag: value, variant and reason. Never raises, never waits."""
        try:
            answer: Evaluation = self._ready[flag](unit, attributes, default)
            seen = answer.seen
            if seen is None or unit in seen:
                return answer
        except Exception:  # noqa: BLE001 - first calls, unknown flags, hooks and everything that raised
            answer = self._carefully(flag, unit, attributes, default)
        if answer.seen is not None:
            self._expose(answer, unit, attributes)
        return answer

    def variant(self, flag: str, unit: object = None, attributes: object = None, default: str = "") -> str:
        """The name of the variant, or the default."""
        answer = self.evaluate(flag, unit, attributes)
        return default if answer.variant is None else answer.variant

    def bool(self, flag: str, unit: object = None, attributes: object = None, default: bool = False) -> bool:
        """The value of a flag of type bool."""
        value = self.evaluate(flag, unit, attributes, default).value
        return value if isinstance(value, _bool) else self._mismatch(flag, value, default)

    def string(self, flag: str, unit: object = None, attributes: object = None, default: str = "") -> str:
        """The value of a flag of type string."""
        value = self.evaluate(flag, unit, attributes, default).value
        return value if isinstance(value, str) else self._mismatch(flag, value, default)

    def number(
        self, flag: str, unit: object = None, attributes: object = None, default: float = 0.0
    ) -> float:
        """The value of a flag of type number, as an integer or a float."""
        value = self.evaluate(flag, unit, attributes, default).value
        if isinstance(value, (int, float)) and not isinstance(value, _bool):
            return value
        return self._mismatch(flag, value, default)

    def json(self, flag: str, unit: object = None, attributes: object = None, default: Any = None) -> Any:
        """The value of a flag of type json; a copy, which the caller may change."""
        answer = self.evaluate(flag, unit, attributes, default)
        return default if answer.variant is None else copy.deepcopy(answer.value)

    def evaluate_all(
        self, unit: object = None, attributes: object = None, flags: Optional[Iterable[str]] = None
    ) -> dict[str, Evaluation]:
        """The answers of all flags, or of those named. No exposures: nobody has been shown anything yet."""
        return self._configuration.config.evaluate_all(unit, attributes, flags)

    # Events

    def track(
        self,
        name: str,
        unit: object,
        value: Optional[float] = None,
        session: object = None,
        dims: Optional[Mapping[str, Any]] = None,
        unit_type: Optional[str] = None,
    ) -> None:
        """A unit did something. Delivered later; never raises, never waits."""
        event = {"name": name, "unit": unit, "value": value, "session": session, "unit_type": unit_type}
        try:
            self._watch_pid()
            self._after_put(self._recorder.track(event, dims))
        except Exception as error:  # noqa: BLE001 - an event must not break its host
            self._trouble("event", error)

    # Life

    def wait_until_ready(self, timeout_s: float = 2.0) -> _bool:
        """Wait for a first configuration, from wherever; whether there is one."""
        return self._configuration.wait_until_ready(timeout_s)

    def refresh(self, timeout_s: float = 5.0) -> _bool:
        """Fetch the configuration now and wait for it; False when the time ran out."""
        loop = self._loops[0]
        return not self._offline and self._configuration.wait_for_poll(loop.wake, timeout_s)

    def flush(self, timeout_s: float = 5.0) -> _bool:
        """Send what waits; whether everything was answered in time."""
        return self._sender.wait_until_empty(self._loops[1].wake, timeout_s)

    def use_key(self, key: Key) -> None:
        """Go on with another key, for instance after the server refused the present one."""
        self._keys.replace(key)
        self._sender.hurry()
        for loop in self._loops:
            loop.wake()

    def close(self, timeout_s: float = DRAIN_S) -> None:
        """Send what waits, within the time, and end the threads. Flags keep their last values."""
        if self._is_closed:
            return
        self._is_closed = True
        forks.forget(self)
        until = time.monotonic() + timeout_s
        for loop in self._loops:
            loop.stop()
        self._follower.stop()
        self._loops[1].join(timeout_s)
        try:
            if not self._offline:
                self._sender.drain(until)
                self._sightings.report(until - time.monotonic())
            self._configuration.keep_changes()
        except Exception as error:  # noqa: BLE001 - the host is ending and wants to end
            self._trouble("close", error)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def on_change(self, listener: Callable[[Config], object]) -> Callable[[], None]:
        """Call a function with every new configuration; returns what ends that. What it raises is logged."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    # State

    @property
    def counters(self) -> dict[str, int]:
        """What was fetched, noted, sent, refused and dropped so far; `waiting` is what is not sent yet."""
        return {**self._counts.as_dict(), "waiting": len(self._outbox)}

    @property
    def config(self) -> Config:
        """The configuration in use."""
        return self._configuration.config

    @property
    def source(self) -> Source:
        """Where the configuration in use came from, its version and its age."""
        return self._configuration.source

    # Inside

    def after_fork(self) -> None:
        """In a forked child: threads and locks anew, the queue empty, because the parent sends it."""
        self._pid = os.getpid()
        self._counts.start_again()
        self._keys.reset_lock()
        self._recorder.reset_lock()
        self._outbox.start_again()
        self._sender.start_again()
        self._configuration.start_again()
        self._follower.start_again()
        self._sightings.start_again()
        for loop in self._loops:
            loop.restart_in_child()

    def _poll(self) -> float | None:
        wait_s = self._configuration.step()
        self._sightings.report_when_due()
        return wait_s

    def _use(self, config: Config) -> None:
        """With hooks the fast way stays shut: every call goes the careful way, which calls them."""
        self._ready = {} if self._hooks else config.ready
        for listener in list(self._listeners):
            try:
                listener(config)
            except Exception as error:  # noqa: BLE001 - a listener must not stop the configuration
                self._trouble("listener", error)

    def _carefully(self, flag: str, unit: object, attributes: object, default: object) -> Evaluation:
        self._call_hooks("before", flag, unit, attributes, default)
        config = self._configuration.config
        answer = config.evaluate(flag, unit, attributes, default)
        if self._configuration.source.name == "none":
            answer = Evaluation(answer.flag, default, None, ERROR, detail="no configuration was received yet")
        if answer.reason == FLAG_NOT_FOUND:
            self._voice.warn(f"unknown {answer.flag}", "headway: there is no flag %r", answer.flag)
        elif answer.reason == ERROR:
            self._counts.add("errors")
            self._voice.warn("error", "headway: %r gave its default: %s", answer.flag, answer.detail)
        self._call_hooks("after", answer, unit, attributes)
        return answer

    def _call_hooks(self, name: str, *arguments: object) -> None:
        for hook in self._hooks:
            try:
                getattr(hook, name)(*arguments)
            except Exception as error:  # noqa: BLE001 - a hook must not break a flag
                self._counts.add("hook_errors")
                self._voice.warn("hook", "headway: a hook raised %r", error)

    def _expose(self, answer: Evaluation, unit: object, attributes: object) -> None:
        try:
            self._watch_pid()
            self._after_put(self._recorder.expose(answer, unit, attributes))
        except Exception as error:  # noqa: BLE001 - an exposure must not break a flag
            self._trouble("exposure", error)

    def _after_put(self, waiting: int) -> None:
        """A full batch is sent at once."""
        if waiting and waiting % MAX_EVENTS == 0:
            self._loops[1].wake()

    def _watch_pid(self) -> None:
        """For forks that Python is not told about."""
        if os.getpid() != self._pid:
            self.after_fork()

    def _mismatch(self, flag: str, value: object, default: _T) -> _T:
        self._voice.warn(
            f"type {flag}", "headway: %s: %s is a %s; default used", TYPE_MISMATCH, flag, type(value).__name__
        )
        return default

    def _trouble(self, topic: str, error: Exception) -> None:
        self._counts.add("errors")
        self._voice.warn(topic, "headway: %s: %r", topic, error)
