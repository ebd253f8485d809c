"""Runs inside a peer's environment: `python -m bench.peers.contest NAME PACKAGE` prints a line of JSON.

A peer is a module beside this one: `prepared(flags)` turns Headway's flags into what the peer's server would
send, `started(body)` gives `ask(key)`, and that a function from a user to what the flag answers.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any

from bench import evaluation
from bench.evaluation_data import many_flags

WORKLOADS = ("w1", "w2", "w3")
CHECKED = 2_000
Call = Callable[[str], object]
Ask = Callable[[str], Call]


def main(name: str, package: str) -> None:
    flags = many_flags(1_000)
    theirs = import_module(f"bench.peers.{name}")
    ask = theirs.started(theirs.prepared(flags))
    _check(name, ask)
    own = import_module("bench.peers.headway")
    own_ask = own.started(own.prepared(flags))
    rates = _rates({name: ask, "headway": own_ask})
    told = []
    for product, call, module in ((name, ask, name), ("  headway", own_ask, "headway")):
        product_rates = {each: rates[f"{product.strip()} {each}"] for each in WORKLOADS}
        load_ms, load_mb, import_ms = _load(module)
        told.append(
            {
                "product": product,
                "version": version(package) if product == name else "",
                "rates": product_rates,
                "floor": rates["floor"],
                "times": {each: rates[f"headway {each}"] / product_rates[each] for each in WORKLOADS},
                "w4_ms": _all_flags(call, flags),
                "load_ms": load_ms,
                "load_mb": load_mb,
                "import_ms": import_ms,
            }
        )
    print(json.dumps(told), flush=True)
    os._exit(0)


def _check(name: str, ask: Ask) -> None:
    """An adapter that does not split in halves, or answers differently the second time, measures nothing."""
    users = [f"check-{number}" for number in range(CHECKED)]
    for workload in ("w2", "w3"):
        call = ask(workload)
        answers = [bool(call(user)) for user in users]
        share = sum(answers) / CHECKED
        if not 0.45 < share < 0.55:
            raise SystemExit(f"{name} {workload}: {share:.0%} are on, the adapter is wrong")
        if answers != [bool(call(user)) for user in users]:
            raise SystemExit(f"{name} {workload}: answers differ the second time")
    if any(map(bool, map(ask("w1"), users))):
        raise SystemExit(f"{name} w1: a flag that is off is on")


def _rates(products: dict[str, Ask]) -> dict[str, float]:
    """Calls a second of every product and workload, and of the floor, in turns."""
    loops = {
        f"{product} {workload}": evaluation.loop("call(user)", {"call": ask(workload)})
        for product, ask in products.items()
        for workload in WORKLOADS
    }
    floor = evaluation.loop(evaluation.WORKLOADS["floor"], evaluation.floor_scope())
    return evaluation.interleaved({"floor": floor, **loops})


def _all_flags(ask: Ask, flags: dict[str, Any]) -> float:
    """The median time for a thousand flags of one user in the quietest of three blocks, in ms."""
    calls = [ask(key) for key in flags if key not in WORKLOADS]

    def everything(user: str) -> None:
        for call in calls:
            call(user)

    for user in evaluation.USERS[:120]:
        everything(user)
    blocks = [[evaluation.seconds(lambda: everything("user-7")) for _ in range(31)] for _ in range(3)]
    return min(statistics.median(block) for block in blocks) * 1e3


def _load(name: str) -> tuple[float, float, float]:
    """Ten thousand flags in a fresh process: ms to read them, MB of memory; ms to import. Best of three."""
    text = import_module(f"bench.peers.{name}").prepared(many_flags(10_000))
    runs = []
    for _ in range(3):
        command = [sys.executable, "-X", f"pycache_prefix={evaluation.COMPILED}", "-m", "bench.peers.loading"]
        done = subprocess.run([*command, name], input=text, capture_output=True, check=True, timeout=300)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    best = [min(run[part] for run in runs) for part in range(3)]
    return best[0], best[1], best[2]


if __name__ == "__main__":
    main(*sys.argv[1:])
