"""A change every second while a client follows: `python -m bench.steady [SECONDS]`, ten minutes by default.

The edge and PostgreSQL run as in production; one thread publishes, a client follows by its stream and two
threads ask it all the time. At the end: errors, calls that raised, how soon changes arrived.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.ingest import PATHS, environment, prepare
from bench.servers import STREAMING, publish_flags, server

SECONDS = 600.0
ASKING = 2
LATE_S = 5.0


class Asking:
    """Threads that ask the flag until told to stop: what they got, and what raised."""

    def __init__(self, client: Any, flag: str) -> None:
        self.answers: Counter[str] = Counter()
        self.raised: Counter[str] = Counter()
        self.slowest_ms = 0.0
        self._client, self._flag, self._is_over = client, flag, threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(ASKING)]

    def __enter__(self) -> Asking:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._is_over.is_set():
            for number in range(1_000):
                self._ask_once(f"user-{number}")
            time.sleep(0.05)

    def _ask_once(self, unit: str) -> None:
        start = time.thread_time()
        try:
            reason = self._client.evaluate(self._flag, unit=unit, default="own").reason
        except Exception as error:  # noqa: BLE001 - that nothing raises is what is looked at
            self.raised[type(error).__name__] += 1
            return
        self.slowest_ms = max(self.slowest_ms, (time.thread_time() - start) * 1e3)
        self.answers[reason] += 1


def changes(client: Any, flag: str, seconds: float) -> tuple[list[float], int]:
    """A change every second; the seconds until the client had each, and how many it never had."""
    from flags import services

    arrived, missed, begin = [], 0, time.monotonic()
    for number in range(int(seconds)):
        time.sleep(max(0.0, begin + number - time.monotonic()))
        now = datetime.now(UTC)
        rule = {"rule": "split", "coverage_ppm": 100_000 + 900 * (number % 1_000)}
        version = services.set_coverage(flag=flag, environment="production", actor="bench", now=now, **rule)
        told = time.monotonic()
        while not _has(client, flag, version.number) and time.monotonic() - told < LATE_S:
            time.sleep(0.002)
        if _has(client, flag, version.number):
            arrived.append(time.monotonic() - told)
        else:
            missed += 1
    return sorted(arrived), missed


def _has(client: Any, flag: str, number: int) -> bool:
    return bool(client.config.document["flags"][flag]["version"] >= number)


def follow(port: int, key: str, flag: str, seconds: float) -> None:
    from headway import Client

    with Client(f"http://127.0.0.1:{port}", key) as client:
        if not client.wait_until_ready(30):
            raise SystemExit("the client did not get a configuration")
        with Asking(client, flag) as asking:
            arrived, missed = changes(client, flag, seconds)
        counters = dict(client.counters)
    print(f"{len(arrived) + missed} changes in {seconds:.0f} s, {missed} not seen within {LATE_S:.0f} s")
    p50, p99 = arrived[len(arrived) // 2] * 1e3, arrived[len(arrived) * 99 // 100] * 1e3
    print(f"from commit to client: p50 {p50:.0f} ms, p99 {p99:.0f} ms, last {arrived[-1] * 1e3:.0f} ms")
    print(
        f"{sum(asking.answers.values()):,} evaluations: {dict(asking.answers)}, raised: {dict(asking.raised)}"
    )
    print(f"slowest evaluation: {asking.slowest_ms:.2f} ms of the thread's own time")
    print(f"counters of the client: {counters}")


def main(seconds: float) -> None:
    from config.embedded import servers

    with tempfile.TemporaryDirectory(prefix="headway-bench-") as name:
        folder = Path(name)
        running = servers.start(folder / "servers", throwaway=True)
        try:
            variables = environment(running.database_url, running.redis_url, folder)
            os.environ.update(variables)
            prepare()
            key, flag = publish_flags()
            with server("asgi", "config.edge:application", variables, *STREAMING) as edge:
                follow(edge.port, key, flag, seconds)
        finally:
            running.stop()


if __name__ == "__main__":
    sys.path[:0] = PATHS.split(os.pathsep)
    main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
