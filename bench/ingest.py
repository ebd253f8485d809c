"""Events per second through HTTP and into the store: `python -m bench.ingest [SECONDS]`.

The edge under granian on a private PostgreSQL, every batch committed before its 202, beside an ASGI
application that only reads the body, on the same server in the same run; then compaction, beside a bare
DuckDB statement that removes the same duplicates from the same rows. Everything shares this machine's cores.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONNECTIONS = 8
ROUNDS = 3
COMPACTED_BATCHES = 400
PATHS = os.pathsep.join([str(ROOT), str(ROOT / "sdk" / "python" / "src")])


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds; those of the CPU are of all threads of this process and hardly change with the neighbours."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Took:
        return cls(time.perf_counter(), time.process_time())

    def until_now(self) -> Took:
        now = Took.now()
        return Took(now.wall - self.wall, now.cpu - self.cpu)


def environment(database_url: str, redis_url: str, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HEADWAY_SECRET_KEY": "x" * 64,
        "HEADWAY_EVENT_STORE": (folder / "events").as_uri(),
        "PYTHONPATH": PATHS,
    }


@contextmanager
def server(application: str, variables: dict[str, str]) -> Iterator[int]:
    """The port of an application under granian with one worker."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--no-ws"]
    command += ["--port", str(port), "--workers", "1", application]
    process = subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int) -> None:
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the server did not come up")


def load(port: int, key: str, events: int, seconds: float) -> dict[str, float]:
    command = [
        sys.executable,
        "-m",
        "bench._load",
        str(port),
        key,
        str(events),
        str(CONNECTIONS),
        str(seconds),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def empty_inbox() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_inboxbatch")


def over_http(variables: dict[str, str], key: str, seconds: float) -> None:
    """Rounds of both servers take turns, so that neither gets the quieter minutes."""
    print(f"over HTTP, {CONNECTIONS} connections, {seconds:g} s a round, best of {ROUNDS}")
    print(
        f"{'events a batch':>15}{'edge, events/s':>18}{'p50, p99 ms':>16}{'no-op, events/s':>18}{'ratio':>8}"
    )
    with (
        server("config.edge:application", variables) as edge,
        server("bench._nothing:application", variables) as bare,
    ):
        for events in (1, 100, 1000):
            best = {edge: {"batches": 0.0}, bare: {"batches": 0.0}}
            for _ in range(ROUNDS):
                for port in (edge, bare):
                    found = load(port, key, events, seconds)
                    if found["other"]:
                        raise SystemExit(f"{found['other']} batches were not taken")
                    best[port] = max(best[port], found, key=lambda each: each["batches"])
                empty_inbox()
            rates = [best[port]["batches"] * events / seconds for port in (edge, bare)]
            latency = f"{best[edge]['p50']:.1f}, {best[edge]['p99']:.1f}"
            print(
                f"{events:>15,}{rates[0]:>18,.0f}{latency:>16}{rates[1]:>18,.0f}{rates[0] / rates[1]:>8.2f}"
            )


def fill_inbox() -> int:
    """Batches of 1,000 events, one in a hundred an event of the batch before."""
    from events.judging import judge
    from events.models import InboxBatch

    now = datetime.now(UTC)
    last: list[bytes] = []
    for number in range(COMPACTED_BATCHES):
        events = [event(number * 1000 + n, now) for n in range(1000)]
        events[:10] = last[:10] or events[:10]
        body = b'{"batch_id":"%s","events":[%s]}' % (str(uuid.uuid4()).encode(), b",".join(events))
        judged = judge(body, now)
        InboxBatch.objects.create(
            environment="production",
            batch_id=judged.batch_id,
            received_at=now,
            sdk="bench",
            accepted=judged.accepted,
            digest=judged.digest,
            codec="json",
            size=len(body),
            payload=body,
        )
        last = events[500:]
    return COMPACTED_BATCHES * 1000


def event(n: int, now: datetime) -> bytes:
    made = {
        "id": str(uuid.uuid4()),
        "kind": "event",
        "ts": now.isoformat(),
        "name": f"event-{n % 10}",
        "unit": f"user-{n % 50_000}",
        "unit_type": "user",
        "value": n * 0.25,
        "session": f"session-{n % 90_000}",
        "dims": {"country": "de", "device": "phone"},
    }
    return json.dumps(made).encode()


def bare_deduplication(rows: Path, target: Path) -> Took:
    """DuckDB alone, from Parquet to Parquet."""
    import duckdb

    with duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "1GB"}) as database:
        start = Took.now()
        database.read_parquet(str(rows)).create_view("arrived")
        database.sql(
            "SELECT event_id, any_value(COLUMNS(* EXCLUDE event_id)) FROM arrived GROUP BY event_id"
        ).write_parquet(str(target))
        return start.until_now()


def raw_rows(folder: Path) -> Path:
    """The waiting rows, decoded and hashed but with their duplicates, as one file."""
    import pyarrow.parquet as pq
    from django.db import transaction

    from events.compaction import intake
    from events.pseudonyms import Pseudonyms
    from events.schema import COLUMNS

    intake.ROUND_EVENTS, intake.ROUND_BYTES = 10**9, 10**12
    with transaction.atomic():
        table = intake.take("production", Pseudonyms(b"k" * 32)).tables()["events"]
    intake.ROUND_EVENTS, intake.ROUND_BYTES = 200_000, 150_000_000
    path = folder / "raw.parquet"
    pq.write_table(table.select(COLUMNS["events"].names), path, compression="zstd")
    return path


def compaction(folder: Path) -> None:
    from events import services

    total = fill_inbox()
    bare = [bare_deduplication(raw_rows(folder), folder / f"out{n}.parquet") for n in range(ROUNDS)]
    start = Took.now()
    done = services.drain(now=datetime.now(UTC))
    took = start.until_now()
    print(f"\ncompaction of {total:,} events with {done.duplicates:,} duplicates, one process")
    print(f"{'events a second':>28}{'wall':>12}{'CPU':>12}")
    print(f"{'from the inbox to the store':>28}{total / took.wall:>12,.0f}{total / took.cpu:>12,.0f}")
    wall, cpu = min(each.wall for each in bare), min(each.cpu for each in bare)
    print(f"{'DuckDB, Parquet to Parquet':>28}{total / wall:>12,.0f}{total / cpu:>12,.0f}")
    print(f"{'ratio':>28}{wall / took.wall:>12.2f}{cpu / took.cpu:>12.2f}")


def main(seconds: float) -> None:
    from config.embedded import servers

    with tempfile.TemporaryDirectory(prefix="headway-bench-") as name:
        folder = Path(name)
        running = servers.start(folder / "servers", throwaway=True)
        try:
            variables = environment(running.database_url, running.redis_url, folder)
            os.environ.update(variables)
            prepare()
            over_http(variables, make_key(), seconds)
            compaction(folder)
        finally:
            running.stop()


def prepare() -> None:
    import django
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", verbosity=0)


def make_key() -> str:
    from flags.services.environments import create_environment
    from flags.services.keys import create_key

    now = datetime.now(UTC)
    create_environment(key="production", is_production=True, actor="bench", now=now)
    _, secret = create_key(environment="production", name="bench", scope="ingest", actor="bench", now=now)
    return secret


if __name__ == "__main__":
    sys.path[:0] = PATHS.split(os.pathsep)
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 4.0)
