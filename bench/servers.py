"""The edge beside a bare Django on the same server: `python -m bench.servers [SECONDS] [--streams 5000]`.

One granian worker each, 16 connections, rounds in turns; then how soon a change reaches a thousand open
streams, from before the service call that publishes it to each stream's socket, and what memory a stream
takes. The load is made on the same machine. With no seconds only the streams are looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bench.evaluation_data import split, ten_rules
from bench.ingest import PATHS, ROOT, environment, prepare, wait_for

CONNECTIONS = 16
ROUNDS = 3
CHANGES = 20
FLAGS = 100
CONTEXT = {
    "targetingKey": "user-7",
    "country": "de",
    "city": "town-999",
    "app_version": "2.4.1",
    "email": "someone@example.com",
    "visits": 12,
}
STREAMING = ("--backlog", "4096", "--backpressure", "12000")


class Served(NamedTuple):
    """A server's port, and the process that started its worker."""

    port: int
    pid: int

    def resident_mb(self) -> float:
        """Memory of the process and of all below it."""
        parents = {int(path.name): _status(path, "PPid") for path in Path("/proc").glob("[0-9]*")}
        tree = {self.pid}
        while below := {pid for pid, parent in parents.items() if parent in tree} - tree:
            tree |= below
        return sum(_status(Path(f"/proc/{pid}"), "VmRSS") for pid in tree) / 1000


def _status(path: Path, name: str) -> int:
    """A number of /proc; 0 for a process that is gone."""
    try:
        lines = (path / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


@contextmanager
def server(interface: str, application: str, variables: dict[str, str], *more: str) -> Iterator[Served]:
    """An application under granian with one worker."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", interface, "--host", "127.0.0.1", "--no-ws"]
    command += [*more, "--port", str(port), "--workers", "1", application]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=ROOT, env=variables, **quiet)
    try:
        wait_for(port)
        yield Served(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def request(method: str, path: str, key: str = "", body: object = None, **headers: str) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    named = {"host": "x", **headers}
    if key:
        named["authorization"] = f"Bearer {key}"
    if content:
        named |= {"content-type": "application/json", "content-length": str(len(content))}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content


def ask(port: int, sent: bytes, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "bench._asking", str(port), str(CONNECTIONS), str(seconds)]
    done = subprocess.run(command, cwd=ROOT, input=sent, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{sent[:80]!r}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def publish_flags() -> tuple[str, str]:
    """A hundred flags like those of the other products' comparison, and a key for servers."""
    from flags import services

    by: dict[str, Any] = {"actor": "bench", "now": datetime.now(UTC)}
    services.create_environment(key="production", is_production=True, **by)
    for number in range(FLAGS):
        kind = "off" if number < FLAGS // 2 else "split" if number < FLAGS * 4 // 5 else "ten"
        key = f"{kind}-{number}"
        variants = {"control": False, "treatment": True}
        described = {"value_type": "bool", "variants": variants, "default": "control"}
        services.create_flag(key=key, is_client_side=True, **described, **by)
        publish(key, kind, number, by)
    _, secret = services.create_key(environment="production", name="bench", scope="server", **by)
    return secret, "split-50"


def publish(key: str, kind: str, number: int, by: dict[str, Any]) -> None:
    from flags import queries, services

    where = queries.environment("production")
    live = queries.live_version(queries.flag(key), where)
    rules = {
        "off": [],
        "split": [_plain(split(number))],
        "ten": [_plain(r) for r in ten_rules(number)["rules"]],
    }
    changed = {**live.definition, "rules": rules[kind], "on": kind != "off", "off": "control"}
    draft = services.save_draft(flag=key, environment="production", definition=changed, **by)
    services.publish(flag=key, environment="production", version=draft.number, **by)


def _plain(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as a person writes it: the service draws its salts, and experiments make their own rules."""
    found = {name: part for name, part in rule.items() if name != "experiment"}
    if "split" in found:
        drawn = found["split"]
        found["split"] = {name: drawn[name] for name in ("coverage_ppm", "arms")}
    return found


def over_http(edge: int, django: int, key: str, seconds: float) -> None:
    one, all_flags = "/ofrep/v1/evaluate/flags/", "/ofrep/v1/evaluate/flags"
    context = {"context": CONTEXT}
    etag = _etag(edge, request("POST", all_flags, key, context))
    config = _etag(edge, request("GET", "/sdk/v1/config", key))
    asked = {
        "Django, hello": (django, request("GET", "/hello")),
        "OFREP, one flag, 50/50": (edge, request("POST", f"{one}split-50", key, context)),
        "OFREP, one flag, ten rules": (edge, request("POST", f"{one}ten-80", key, context)),
        "OFREP, 100 flags": (edge, request("POST", all_flags, key, context)),
        "OFREP, 100 flags, same ETag": (edge, request("POST", all_flags, key, context, if_none_match=etag)),
        "configuration, same ETag": (edge, request("GET", "/sdk/v1/config", key, if_none_match=config)),
        "configuration, Brotli": (edge, request("GET", "/sdk/v1/config", key, accept_encoding="br")),
    }
    best: dict[str, dict[str, float]] = {}
    for _ in range(ROUNDS):
        for name, (port, sent) in asked.items():
            found = ask(port, sent, seconds)
            best[name] = max(best.get(name, found), found, key=lambda each: each["rate"])
    print(f"{'':>30}{'requests/s':>12}{': Django':>10}{'p50 ms':>9}{'p99 ms':>9}{'bytes':>9}")
    floor = best["Django, hello"]["rate"]
    for name, found in best.items():
        print(
            f"{name:>30}{found['rate']:>12,.0f}{found['rate'] / floor:>10.2f}"
            f"{found['p50']:>9.2f}{found['p99']:>9.2f}{found['size']:>9,.0f}"
        )


def _etag(port: int, sent: bytes) -> str:
    with socket.create_connection(("127.0.0.1", port)) as opened:
        opened.sendall(sent)
        head = opened.recv(65_536).partition(b"\r\n\r\n")[0]
    return next(
        line[5:].strip().decode() for line in head.split(b"\r\n") if line.lower().startswith(b"etag:")
    )


def told(edge: Served, key: str, flag: str, streams: int) -> None:
    """A change every half second; when each stream heard of it, and what memory the streams take."""
    from flags import services

    command = [sys.executable, "-m", "bench._listening", str(edge.port), str(streams), str(CHANGES)]
    before_mb = edge.resident_mb()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        sent = request("GET", "/sdk/v1/stream", key).decode()
        process.stdin.write(json.dumps(sent) + "\n")
        process.stdin.flush()
        if process.stdout.readline().strip() != "ready":
            raise SystemExit("the streams did not open")
        opened_mb = edge.resident_mb()
        heard, calls = [], []
        for number in range(CHANGES):
            began, now = time.time(), datetime.now(UTC)
            rule = {"rule": "split", "coverage_ppm": 500_000 + number}
            services.set_coverage(flag=flag, environment="production", actor="bench", now=now, **rule)
            calls.append((time.time() - began) * 1000)
            heard += [(moment - began) * 1000 for moment in json.loads(process.stdout.readline())]
            time.sleep(0.5)
        told_mb = edge.resident_mb()
    heard.sort()
    print(f"\n{CHANGES} changes told to {streams:,} streams of one process, from before the publishing call")
    p50, p99 = heard[len(heard) // 2], heard[len(heard) * 99 // 100]
    print(f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, last {heard[-1]:.0f} ms")
    print(f"of which the call itself, with its commit: median {sorted(calls)[len(calls) // 2]:.0f} ms")
    per_stream = (opened_mb - before_mb) * 1000 / streams
    print(
        f"memory: {before_mb:.0f} MB, with all streams {opened_mb:.0f} MB, after the changes {told_mb:.0f} MB"
    )
    print(f"a stream takes {per_stream:.0f} kB")


def main(seconds: float, streams: int) -> None:
    from config.embedded import servers

    with tempfile.TemporaryDirectory(prefix="headway-bench-") as name:
        folder = Path(name)
        running = servers.start(folder / "servers", throwaway=True)
        try:
            variables = environment(running.database_url, running.redis_url, folder)
            os.environ.update(variables)
            prepare()
            key, flag = publish_flags()
            edge_of = ("asgi", "config.edge:application", variables, *STREAMING)
            django_of = ("wsgi", "bench._hello:application", variables, "--blocking-threads", "4")
            with server(*edge_of) as edge:
                if seconds:
                    with server(*django_of) as django:
                        over_http(edge.port, django.port, key, seconds)
                told(edge, key, flag, streams)
        finally:
            running.stop()


if __name__ == "__main__":
    sys.path[:0] = PATHS.split(os.pathsep)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=3.0)
    parser.add_argument("--streams", type=int, default=1_000)
    options = parser.parse_args()
    main(options.seconds, options.streams)
