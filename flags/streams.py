"""Open streams of one process: who is told of a change, and what each still has to hear.

No HTTP and no Redis: the edge opens and serves streams, and says when something changed. A stream that does
not keep up loses the steps and is told the newest state instead, so what waits for it is always little.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from flags.delivery import KeyRow
from flags.notices import Notice, event

MAX_STREAMS = 10_000
MAX_WAITING = 16
STEPS_KEPT = 64
HEARTBEAT_S = 15.0
LIFE_S = 1_800.0
HEARTBEAT = b": still here\n\n"


class Full(Exception):
    """This process has as many streams open as it may, or is about to end."""


class Stream:
    """What one client has still to be told. `ends_at` is a moment of the loop's clock.

    It waits on a bare future: thousands wait at the same time, and a task for each would cost the most.
    """

    __slots__ = ("_is_closed", "_waiting", "_woken", "ends_at", "key", "with_flags")

    def __init__(self, key: KeyRow, *, with_flags: bool, ends_at: float) -> None:
        self.key, self.with_flags, self.ends_at = key, with_flags, ends_at
        self._waiting: list[bytes] = []
        self._woken: asyncio.Future[None] | None = None
        self._is_closed = False

    def tell(self, told: bytes, newest: bytes) -> bool:
        """Queue it; False when too much waited and only the newest state is kept."""
        is_kept_up = len(self._waiting) < MAX_WAITING
        if not is_kept_up:
            self._waiting.clear()
        self._waiting.append(told if is_kept_up else newest)
        self._wake()
        return is_kept_up

    def close(self) -> None:
        self._is_closed = True
        self._wake()

    async def next(self) -> bytes | None:
        """What to send next, a heartbeat when nothing happens; None when the stream is over."""
        left_s = self.ends_at - asyncio.get_running_loop().time()
        if not self._waiting and not self._is_closed and left_s > 0:
            await self._sleep(min(HEARTBEAT_S, left_s))
        if self._is_over(left_s):
            return None
        together = b"".join(self._waiting) or HEARTBEAT
        self._waiting.clear()
        return together

    def _is_over(self, left_s: float) -> bool:
        return self._is_closed or left_s <= 0

    async def _sleep(self, longest_s: float) -> None:
        """Until there is something to do, or the time is out."""
        loop = asyncio.get_running_loop()
        self._woken = loop.create_future()
        alarm = loop.call_later(longest_s, self._wake)
        try:
            await self._woken
        finally:
            alarm.cancel()
            self._woken = None

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)


@dataclass(slots=True)
class Hub:
    """All streams of this process. `counts` only grow."""

    counts: Counter[str] = field(default_factory=Counter)
    _streams: dict[int, set[Stream]] = field(default_factory=dict)
    _steps: dict[int, deque[Notice]] = field(default_factory=dict)
    _is_ending: bool = False

    def __len__(self) -> int:
        return sum(len(streams) for streams in self._streams.values())

    def open(self, key: KeyRow, *, newest: Notice, knows: str = "", is_ours: bool = True) -> Stream:
        """A stream that begins with what the client has missed since the document it `knows`.

        `is_ours` says that the client is an SDK of ours; others would not know what to do with changed flags,
        and clients that just fetched everything are not told of it. Raises Full.
        """
        if self._is_ending or len(self) >= MAX_STREAMS:
            raise Full
        ends_at = asyncio.get_running_loop().time() + LIFE_S * random.uniform(0.8, 1.0)  # noqa: S311
        stream = Stream(key, with_flags=is_ours and key.scope == "server", ends_at=ends_at)
        for step in self._missed(newest, knows) if knows or is_ours else ():
            told = event(step, with_flags=stream.with_flags)
            stream.tell(told, event(newest, with_flags=False))
        self._streams.setdefault(key.environment_id, set()).add(stream)
        self.counts["opened"] += 1
        return stream

    def leave(self, stream: Stream) -> None:
        streams = self._streams.get(stream.key.environment_id, set())
        streams.discard(stream)

    def tell(self, notice: Notice) -> None:
        """Every stream of the environment hears of it."""
        steps = self._steps.setdefault(notice.environment_id, deque(maxlen=STEPS_KEPT))
        steps.append(notice)
        whole, plain = event(notice, with_flags=True), event(notice, with_flags=False)
        for stream in self._streams.get(notice.environment_id, ()):
            is_kept_up = stream.tell(whole if stream.with_flags else plain, plain)
            self.counts["told"] += 1
            self.counts["collapsed"] += not is_kept_up

    def keys(self) -> set[int]:
        """Ids of the keys that have streams open."""
        return {stream.key.id for stream in self._each()}

    def close(self, keys: Iterable[int]) -> None:
        """End the streams of these keys."""
        ended = set(keys)
        for stream in list(self._each()):
            if stream.key.id in ended:
                stream.close()

    def end(self) -> None:
        """End all streams and open none any more: the process is about to go."""
        self._is_ending = True
        self.close(self.keys())

    def _each(self) -> Iterator[Stream]:
        for streams in self._streams.values():
            yield from streams

    def _missed(self, newest: Notice, knows: str) -> list[Notice]:
        """The steps from the document the client has to the newest, or the newest alone."""
        if knows == newest.etag.strip('"'):
            return []
        path: list[Notice] = []
        for step in reversed(self._steps.get(newest.environment_id, ())):
            if step.etag != (path[0].before if path else newest.etag) or not step.is_whole:
                break
            path.insert(0, step)
            if step.before.strip('"') == knows:
                return path
        return [replace(newest, before="", flags=None)]
