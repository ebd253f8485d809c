"""Other SDKs on the workloads of bench.evaluation, in one process with Headway and the floor.

They live in an environment of their own under .headway/bench, made here. Without a package index this part is
skipped, and says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".headway" / "bench" / "peers"
PACKAGES = ("mmh3>=5,<6", "eppo-server-sdk", "growthbook")
SHARED = ("w1 off", "w2 experiment", "w3 ten rules")
Call = Callable[[str], object]


def run() -> None:
    python = _environment()
    if python is None:
        return
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'sdk/python/src'}"}
    done = subprocess.run([python, "-m", "bench.evaluation_peers"], cwd=ROOT, env=environment, check=False)
    if done.returncode:
        print("peers: SKIPPED, the script in their environment failed; see above")


def _environment() -> Path | None:
    """The interpreter that has the peers, or None and a line that says why not."""
    python = HOME / "bin" / "python"
    if not python.exists():
        venv.create(HOME, with_pip=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"peers: SKIPPED, they cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return python


def main() -> None:
    """Runs inside the peers' environment."""
    from bench import evaluation

    texts = {
        name: evaluation.WORKLOADS[name] for name in ("floor", "w1 off", "w2 experiment", "w3 ten rules")
    }
    client = evaluation._client()
    scopes = {("headway", name): (text, evaluation._scope(client)) for name, text in texts.items()}
    for product, make in (("eppo (Rust)", _eppo), ("growthbook", _growthbook)):
        try:
            calls = make()
        except Exception as error:  # noqa: BLE001 - one peer that changed must not hide the others
            print(f"{product}: SKIPPED, {error!r}")
            continue
        _check(product, calls)
        scopes.update({(product, name): ("call(user)", {"call": call}) for name, call in calls.items()})
    loops = {key: evaluation.loop(text, scope) for key, (text, scope) in scopes.items()}
    rates = evaluation.interleaved({str(key): loop for key, loop in loops.items()})
    floor = rates[str(("headway", "floor"))]
    print(f"\n{'product':14}{'workload':18}{'calls/s':>12}{': floor':>9}{'headway : it':>14}")
    for product, name in loops:
        rate, own = rates[str((product, name))], rates[str(("headway", name))]
        print(f"{product:14}{name:18}{rate:12,.0f}{rate / floor:9.3f}{own / rate:14.1f}")
    _loads()


def _check(product: str, calls: dict[str, Call]) -> None:
    """An adapter that does not split in halves measures nothing."""
    for name in ("w2 experiment", "w3 ten rules"):
        share = sum(bool(calls[name](f"check-{number}")) for number in range(2000)) / 2000
        if not 0.45 < share < 0.55:
            raise SystemExit(f"{product} {name}: {share:.0%} are on, the adapter is wrong")


def _loads() -> None:
    """Ten thousand flags read from JSON by Headway and by Eppo, in processor time; the best of three."""
    from bench.evaluation_data import document, many_flags
    from headway.reading import read_config

    own = json.dumps(document(many_flags(10_000))).encode()
    theirs = json.dumps(_eppo_document(_many_eppo(10_000))).encode()

    def headway() -> None:
        read_config(own)

    def eppo() -> None:
        from eppo_client import Configuration

        Configuration(flags_configuration=theirs)

    for name, load, size in (("headway", headway, own), ("eppo", eppo, theirs), ("json.loads", None, own)):
        action = load or (lambda: json.loads(own))
        with contextlib.suppress(ImportError):
            print(f"10,000 flags, {len(size) / 1e6:.1f} MB, {name}: {_best(action) * 1e3:.0f} ms")


def _best(action: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def _eppo() -> dict[str, Call]:
    import eppo_client
    from eppo_client import Configuration
    from eppo_client.assignment_logger import AssignmentLogger
    from eppo_client.config import Config

    from bench.evaluation_data import ATTRIBUTES

    body = json.dumps(_eppo_document(_many_eppo(1000))).encode()
    config = Config(
        api_key="bench",
        assignment_logger=AssignmentLogger(),
        initial_configuration=Configuration(flags_configuration=body),
        poll_interval_seconds=None,
    )
    ask = eppo_client.init(config).get_boolean_assignment
    return {name: lambda user, key=name[:2]: ask(key, user, ATTRIBUTES, False) for name in SHARED}


def _eppo_document(flags: dict[str, Any]) -> dict[str, Any]:
    return {
        "createdAt": "2026-01-01T00:00:00.000Z",
        "format": "SERVER",
        "environment": {"name": "bench"},
        "flags": flags,
    }


def _eppo_flag(key: str, allocations: list[Any], *, enabled: bool = True) -> dict[str, Any]:
    return {
        "key": key,
        "enabled": enabled,
        "variationType": "BOOLEAN",
        "variations": {"on": {"key": "on", "value": True}, "off": {"key": "off", "value": False}},
        "allocations": allocations,
        "totalShards": 10000,
    }


def _eppo_allocation(key: str, variation: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    shards = [{"salt": key, "ranges": [{"start": start, "end": end}]}] if end - start < 10_000 else []
    return {"key": key, "splits": [{"variationKey": variation, "shards": shards}], "doLog": False, **more}


def _eppo_half(key: str) -> dict[str, Any]:
    halves = [_eppo_allocation(key, name, *part)["splits"][0] for name, part in _HALVES.items()]
    return {"key": key, "splits": halves, "doLog": False}


_HALVES = {"off": (0, 5000), "on": (5000, 10_000)}
_EPPO = {
    "equals": "ONE_OF",
    "in": "ONE_OF",
    "semver_gte": "GTE",
    "matches": "MATCHES",
    "gt": "GT",
    "gte": "GTE",
}


def _eppo_condition(condition: dict[str, Any]) -> dict[str, Any]:
    op, value = condition["op"], condition["value"]
    if op == "starts_with":
        return {"attribute": condition["attribute"], "operator": "MATCHES", "value": f"^{value}"}
    value = [value] if op == "equals" else value
    return {"attribute": condition["attribute"], "operator": _EPPO[op], "value": value}


def _eppo_ten(key: str, number: int) -> dict[str, Any]:
    from bench.evaluation_data import ten_rules

    *misses, last = ten_rules(number)["rules"]
    allocations = [
        _eppo_allocation(rule["id"], "on", 0, 10_000, rules=[{"conditions": [_eppo_condition(rule["when"])]}])
        for rule in misses
    ]
    half = _eppo_allocation("rollout", "on", 0, 5000, rules=[{"conditions": [_eppo_condition(last["when"])]}])
    return _eppo_flag(key, [*allocations, half])


def _many_eppo(number: int) -> dict[str, Any]:
    flags = {
        "w1": _eppo_flag("w1", [], enabled=False),
        "w2": _eppo_flag("w2", [_eppo_half("w2")]),
        "w3": _eppo_ten("w3", 3),
    }
    for place in range(number):
        kind = place % 10
        if kind < 5:
            flags[f"o{place}"] = _eppo_flag(f"o{place}", [_eppo_half(f"o{place}")], enabled=False)
        elif kind < 8:
            flags[f"e{place}"] = _eppo_flag(f"e{place}", [_eppo_half(f"e{place}")])
        else:
            flags[f"r{place}"] = _eppo_ten(f"r{place}", place)
    return flags


def _growthbook() -> dict[str, Call]:
    """One instance for all calls, its attributes replaced for each user: the cheapest way it offers."""
    from growthbook import GrowthBook

    from bench.evaluation_data import ATTRIBUTES, ten_rules

    *misses, last = ten_rules(3)["rules"]
    rules = [{"condition": _growthbook_condition(rule["when"]), "force": True} for rule in misses]
    rollout = {"condition": _growthbook_condition(last["when"]), "force": True, "coverage": 0.5}
    features = {
        "w1": {"defaultValue": False},
        "w2": {
            "defaultValue": False,
            "rules": [{"variations": [False, True], "key": "w2", "hashVersion": 2}],
        },
        "w3": {
            "defaultValue": False,
            "rules": [*rules, {**rollout, "hashAttribute": "id", "hashVersion": 2}],
        },
    }
    book = GrowthBook(features=features)

    def ask(key: str) -> Call:
        def call(user: str) -> bool:
            book.set_attributes({**ATTRIBUTES, "id": user})
            return bool(book.is_on(key))

        return call

    return {"w1 off": ask("w1"), "w2 experiment": ask("w2"), "w3 ten rules": ask("w3")}


def _growthbook_condition(condition: dict[str, Any]) -> dict[str, Any]:
    op, value = condition["op"], condition["value"]
    signs = {"in": "$in", "semver_gte": "$vgte", "matches": "$regex", "gt": "$gt", "gte": "$gte"}
    if op == "equals":
        return {condition["attribute"]: value}
    if op == "starts_with":
        return {condition["attribute"]: {"$regex": f"^{value}"}}
    return {condition["attribute"]: {signs[op]: value}}


if __name__ == "__main__":
    sys.exit(main())
