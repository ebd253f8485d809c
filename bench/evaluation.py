"""What a flag costs, beside the bare floor and peers in one run: `python -m bench.evaluation [--peers]`.

The floor is a dict look-up, one murmur3 and one comparison inside a Python function. Workloads: w1 a flag
that is off, w2 a 50/50 experiment, w3 ten rules on five attributes of which nine miss, w4 a thousand flags
for one user. Calls of Headway go through the Client with exposures on. All rounds of all workloads are
interleaved in one process and timed in processor time, of which the machine's other work takes none; the
best round counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import mmh3

from bench import peers
from bench.evaluation_data import ATTRIBUTES, document, many_flags, own_kinds
from flags.document import written
from headway import Client
from headway.reading import read_config

ROOT = Path(__file__).resolve().parents[1]
COMPILED = ROOT / ".headway" / "bench" / "pyc"
ROUNDS = 7
CALLS = 40_000
Loop = Callable[[list[str]], None]
USERS = [f"user-{number}" for number in range(1000)]
WORKLOADS = {
    "empty call": "nothing(user)",
    "floor": "floor(user)",
    "w1 off": "evaluate('w1', unit=user, attributes=attributes)",
    "w2 experiment": "evaluate('w2', unit=user, attributes=attributes)",
    "w2 without exposures": "pure('w2', unit=user, attributes=attributes)",
    "w3 ten rules": "evaluate('w3', unit=user, attributes=attributes)",
    "w2 boolean accessor": "boolean('w2', unit=user, attributes=attributes)",
    "w2 one of 1,000 flags": "evaluate('e205', unit=user, attributes=attributes)",
}


def main() -> None:
    options = _options()
    client = _client()
    loops = {name: loop(text, _scope(client)) for name, text in WORKLOADS.items()}
    rates = interleaved(loops)
    floor = rates["floor"]
    print(f"{'workload':26}{'calls/s':>12}{'ns':>8}{': floor':>9}{'p50 ns':>9}{'p99 ns':>9}")
    for name, value in rates.items():
        p50, p99 = percentiles(WORKLOADS[name], _scope(client))
        print(f"{name:26}{value:12,.0f}{1e9 / value:8.0f}{value / floor:9.3f}{p50:9.0f}{p99:9.0f}")
    exposures = rates["w2 without exposures"] / rates["w2 experiment"] - 1
    print(f"noting exposures costs {exposures:.0%} of an evaluation without them")
    _more(client)
    _loads()
    if options.peers:
        peers.run()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", action="store_true", help="other SDKs as well, in their own environment")
    return parser.parse_args()


def _client() -> Client:
    return Client("memory:", "bench", bootstrap=document(many_flags(1000)), offline=True, max_units=400_000)


def _scope(client: Client) -> dict[str, object]:
    """What the workloads name."""
    return {
        **floor_scope(),
        "attributes": ATTRIBUTES,
        "boolean": client.bool,
        "evaluate": client.evaluate,
        "nothing": lambda user: None,
        "pure": client.config.evaluate,
    }


def floor_scope() -> dict[str, object]:
    """The least: a look-up, a hash and a comparison."""
    bare = {"w2": (12, 2**31)}
    hash32 = mmh3.hash

    def floor(user: str) -> bool:
        salt, limit = bare["w2"]
        return hash32(user, salt, False) < limit

    return {"floor": floor}


def loop(text: str, scope: dict[str, object]) -> Loop:
    """A function that runs a workload's text for each user, as a host would write it."""
    names = ", ".join(scope)
    source = f"def make({names}):\n def run(users):\n  for user in users: {text}\n return run"
    made: dict[str, Callable[..., Loop]] = {}
    exec(source, made)
    return made["make"](**scope)


def interleaved(loops: dict[str, Loop], calls: int = CALLS) -> dict[str, float]:
    """Calls a second of the best round; every flag is warm, as it is after a hundred evaluations."""
    users = USERS * (calls // len(USERS))
    best = dict.fromkeys(loops, float("inf"))
    for run in loops.values():
        run(USERS)
    for _ in range(ROUNDS):
        for name, run in loops.items():
            start = time.process_time()
            run(users)
            best[name] = min(best[name], time.process_time() - start)
    return {name: len(users) / seconds for name, seconds in best.items()}


def percentiles(text: str, scope: dict[str, object]) -> tuple[float, float]:
    """p50 and p99 in ns of single calls in the quietest round, less the clock's own cost."""
    timed = f"a = clock(); b = clock(); {text}; c = clock(); empty.append(b - a); times.append(c - b)"
    rounds = []
    for _ in range(ROUNDS):
        times: list[int] = []
        empty: list[int] = []
        loop(timed, {**scope, "clock": time.perf_counter_ns, "empty": empty, "times": times})(USERS * 5)
        times.sort()
        cost = statistics.median(empty)
        rounds.append((times[len(times) // 2] - cost, times[len(times) * 99 // 100] - cost))
    return min(p50 for p50, _ in rounds), min(p99 for _, p99 in rounds)


def _more(client: Client) -> None:
    """w4, exposures of new units, and four threads against one."""
    flags = [key for key in client.config.document["flags"] if key not in ("w1", "w2", "w3")]

    def everything(user: str) -> None:
        for key in flags:
            client.evaluate(key, unit=user, attributes=ATTRIBUTES)

    for user in USERS[:120]:
        everything(user)
    times = [seconds(lambda: everything("user-7")) for _ in range(200)]
    times.sort()
    print(
        f"\nw4 {len(flags)} flags for one user: p50 {times[100] * 1e3:.3f} ms, p99 {times[198] * 1e3:.3f} ms"
    )
    bulk = sorted(seconds(lambda: client.evaluate_all("user-7", ATTRIBUTES, flags)) for _ in range(200))
    print(f"w4 by evaluate_all: p50 {bulk[100] * 1e3:.3f} ms")
    fresh = [f"fresh-{number}" for number in range(10_000)]
    first = seconds(lambda: [client.evaluate("w2", unit=user) for user in fresh]) / len(fresh)
    print(f"w2, a unit seen for the first time (exposure queued): {first * 1e6:.2f} us")
    _threads(client)
    _openfeature(client)


def seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def _threads(client: Client) -> None:
    """Four threads against one in calls a second of processor time, and the bare floor's, in turns."""
    texts = {name: WORKLOADS[name] for name in ("floor", "w2 experiment")}
    loops = {name: loop(text, _scope(client)) for name, text in texts.items()}
    best = {(name, number): 0.0 for name in loops for number in (1, 4)}
    for _ in range(ROUNDS):
        for name, number in best:
            best[name, number] = max(best[name, number], _rate_of_threads(loops[name], number))
    for name in loops:
        print(f"{name}, 4 threads : 1 thread = {best[name, 4] / best[name, 1]:.2f}")


def _rate_of_threads(run: Loop, number: int) -> float:
    threads = [threading.Thread(target=run, args=(USERS * 40,)) for _ in range(number)]
    start = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return number * len(USERS) * 40 / (time.process_time() - start)


def _openfeature(client: Client) -> None:
    """What the provider adds to the OpenFeature SDK's own cost, which is that of its no-op provider."""
    try:
        from openfeature import api
        from openfeature.evaluation_context import EvaluationContext
        from openfeature.provider.no_op_provider import NoOpProvider

        from headway.openfeature import HeadwayProvider
    except ImportError:
        print("OpenFeature: SKIPPED, its SDK is not installed")
        return
    contexts = {user: EvaluationContext(user, ATTRIBUTES) for user in USERS}
    loops = {}
    for name, provider in (("no-op", NoOpProvider()), ("headway", HeadwayProvider(client))):
        api.set_provider_and_wait(provider, name)
        scope = {"ask": api.get_client(name).get_boolean_value, "contexts": contexts}
        loops[name] = loop("ask('w2', False, contexts[user])", scope)
    rates = interleaved(loops, 5_000)
    costs = {name: 1e6 / rate for name, rate in rates.items()}
    added = costs["headway"] - costs["no-op"]
    print(f"OpenFeature: {costs['no-op']:.2f} us a call, the provider adds {added:.2f} us")


LOAD = """
import sys, time, json
from headway.reading import read_config
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
body = sys.stdin.buffer.read()
before, start = resident(), time.process_time()
config = read_config(body)
end = time.process_time()
config.evaluate("w2", "user-1")
print(json.dumps([end - start, resident() - before]))
"""


def _loads() -> None:
    """Ten thousand flags: reading, memory, one flag replaced, one flag asked; import in a fresh process."""
    flags = many_flags(10_000)
    body = written(document(flags))
    print(f"\n10,000 flags, {len(body) / 1e6:.1f} MB: {_loaded(body)}")
    print(f"10,000 flags of which none is like another: {_loaded(written(document(own_kinds(flags))))}")
    whole = read_config(body)
    plain = min(seconds(lambda: json.loads(body)) for _ in range(3))
    again = min(seconds(lambda: read_config(body, whole)) for _ in range(3))
    print(f"json.loads alone: {plain * 1e3:.0f} ms; the same document read again: {again * 1e3:.0f} ms")
    for key in ("e205", "r9"):
        entry = {key: {**whole.document["flags"][key], "version": 8}}
        update = min(seconds(partial(whole.updated, entry, 2)) for _ in range(20))
        print(f"one flag of 10,000 replaced ({key}): {update * 1e3:.2f} ms")
    rates = interleaved({str(number): _one_flag(number) for number in (10_000, 3)})
    print(f"time for one flag among 10,000 : one among 3 = {rates['3'] / rates['10000']:.3f}")
    _imports()


def _loaded(body: bytes) -> str:
    runs = [json.loads(_python(LOAD, body)) for _ in range(5)]
    spent, memory = min(run[0] for run in runs) * 1e3, min(run[1] for run in runs)
    return f"read and checked in {spent:.0f} ms, {memory:.0f} MB more resident memory"


def _one_flag(number: int) -> Loop:
    client = Client("memory:", "bench", bootstrap=document(many_flags(number)), offline=True)
    return loop("evaluate('w2', unit=user)", {"evaluate": client.evaluate})


def _imports() -> None:
    script = "import time; start = time.process_time(); {}; print(time.process_time() - start)"
    for statement in ("import headway.evaluation", "from headway import Client"):
        best = min(float(_python(script.format(statement), b"")) for _ in range(7))
        print(f"{statement}: {best * 1e3:.1f} ms")


def _python(script: str, stdin: bytes) -> str:
    """Run a script in a fresh interpreter that may use compiled files, as an installed package does."""
    command = [sys.executable, "-X", f"pycache_prefix={COMPILED}", "-c", script]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'sdk/python/src'}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, input=stdin, env=environment, capture_output=True, check=True
    ).stdout.decode()


if __name__ == "__main__":
    main()
