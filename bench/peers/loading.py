"""A fresh process: `python -m bench.peers.loading NAME` reads flags and prints ms, MB and ms to import."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module


def main(name: str) -> None:
    body = sys.stdin.buffer.read()
    start = time.process_time()
    module = import_module(f"bench.peers.{name}")
    module.imported()
    import_ms = (time.process_time() - start) * 1e3
    before, start = _resident(), time.process_time()
    ask = module.started(body)
    took_ms = (time.process_time() - start) * 1e3
    if not callable(ask("w2")):
        raise SystemExit(1)
    print(json.dumps([took_ms, _resident() - before, import_ms]), flush=True)
    os._exit(0)


def _resident() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


if __name__ == "__main__":
    main(sys.argv[1])
