"""What a report costs to show and to export: `python -m bench.report`.

A snapshot with twenty metrics, 320 slices, two curves and a distribution lies in PostgreSQL behind the real
web server, with forty looks before it. One person opens it again and again over one connection; beside it the
log-in page, which is what any page of this server costs at least. Page weight is HTML, style sheets and
scripts, compressed. Neighbours on the machine make answers late but hardly change the processor time of one,
which is measured in this process and beside the answers' times.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, WARM_UP, LOOKS = 200, 5, 40
ENOUGH_S, FEWEST = 6.0, 15
"""A page is asked for that long at most, but as often as this at least."""
LIMIT_MS, LIMIT_KB = 60.0, 100.0
SLICES = 16


def main() -> int:
    """Start a platform of its own and measure inside."""
    run = [sys.executable, "-m", "config.embedded", "run", "--throwaway", "--quiet", "--"]
    return subprocess.run([*run, sys.executable, "-m", "bench.report", "--inside"], cwd=ROOT).returncode


def inside() -> int:
    """Beside a running platform: make the snapshot, then open it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    _say("platform is up; storing forty looks")
    address, key, sha256 = _prepare()
    cookie = _log_in()
    page = f"/experiments/{key}/report/"
    worked = _processor_ms(cookie, page)
    _say(f"report page, processor time alone: median {worked:.1f} ms, bar {LIMIT_MS:g}")
    pinned = f"{page}{sha256}"
    floor = _shown("log-in page, the floor", _time(address, "/login", ""), None)
    pages = {
        "report page": page,
        "explore page": f"/experiments/{key}/explore/",
        "two looks side by side": f"{page}against/",
        "JSON": f"{pinned}.json",
        "PDF": f"{pinned}.pdf",
        "mail with its picture": f"{pinned}.eml",
        "PNG of what moved": f"{pinned}/charts/what-moved.png",
    }
    medians = {name: _shown(name, _time(address, path, cookie), floor) for name, path in pages.items()}
    weight = _weight(address, page, cookie)
    _say(f"page weight: {weight:.1f} kB compressed (HTML, CSS and JS), bar {LIMIT_KB:g}")
    return _judged(medians["report page"], worked, weight)


def _judged(median: float, worked: float, weight: float) -> int:
    """The bars; where only neighbours on the machine made answers late, the line says so."""
    if weight >= LIMIT_KB or worked >= LIMIT_MS:
        _say(f"OVER a bar of {LIMIT_MS:g} ms or {LIMIT_KB:g} kB")
        return 1
    if median >= LIMIT_MS:
        _say("within the bars by processor time; on this busy machine answers waited for a processor")
        return 0
    _say("within the bars")
    return 0


def _shown(name: str, times: list[float], floor: float | None) -> float:
    middle = statistics.median(times)
    late = sorted(times)[int(len(times) * 0.95)]
    beside = middle / (floor or middle)
    _say(
        f"{name:26} median {middle:6.1f} ms   p95 {late:6.1f} ms   {beside:5.1f} x floor   "
        f"{len(times)} answers"
    )
    return middle


def _say(line: str) -> None:
    print(line, flush=True)


def _prepare() -> tuple[str, str, str]:
    from tests.apps.experiments.build import KEY, started
    from tests.apps.report.build import reported
    from tests.golden.report import cases

    cases.CASES["bench_twenty_metrics"] = _twenty_metrics
    started()
    for look in range(1, LOOKS):
        reported("keep_running_unproven", look=look, days=8 + look / 8)
    newest = reported("bench_twenty_metrics", look=LOOKS, days=16)
    _say(f"stored document: {len(newest.document) / 1024:.0f} kB")
    return os.environ["HEADWAY_WEB_URL"], KEY, newest.sha256


def _twenty_metrics() -> object:
    from dataclasses import replace

    from analysis.report.facts import SliceScanFacts
    from experiments.plan import Role
    from tests.core.report.build import binding, facts, latency, metric, orders
    from tests.golden.report.kind_cases import distribution
    from tests.golden.report.parts import WORTH, curve, scan

    guarded = [
        binding(latency(f"p95-{at}", f"p95 of page {at}"), Role.GUARDRAIL, margin=30.0) for at in range(19)
    ]
    metrics = [
        orders(),
        *(metric(of, 2.0 + at % 5, 4.0, control=400.0 + 9 * at) for at, of in enumerate(guarded)),
    ]
    slices = [
        replace(found, metric=each.binding.metric, level=f"{found.level} {at}")
        for each in metrics
        for at in range(SLICES // 4)
        for found in scan().slices
    ]
    shown = replace(distribution().histograms[0], metric="p95-0")
    curves = (curve("p95-0", scale=0.05), curve("p95-1", scale=0.05))
    scanned = SliceScanFacts(tuple(slices), smallest_detectable=25.0, detectable_metric="p95-0")
    return facts(metrics, curves=curves, slices=scanned, worth=WORTH, histograms=(shown,))


def _log_in() -> str:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.create_user("bench"))
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _time(address: str, path: str, cookie: str) -> list[float]:
    """Milliseconds of every answer after the first ones."""
    ask = _asker(address, cookie)
    found: list[float] = []
    since = time.perf_counter()
    for number in range(WARM_UP + ROUNDS):
        start = time.perf_counter()
        status, _, _ = ask(path)
        if status != 200:
            raise SystemExit(f"{path} answered {status}")
        if number >= WARM_UP:
            found.append((time.perf_counter() - start) * 1000)
        if len(found) >= FEWEST and time.perf_counter() - since > ENOUGH_S:
            break
    return found


def _processor_ms(cookie: str, path: str, *, rounds: int = 30) -> float:
    """What one answer takes of a processor, database waits left out."""
    from django.conf import settings
    from django.test import Client

    client = Client(HTTP_HOST="127.0.0.1")
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie.partition("=")[2]
    found = []
    for number in range(rounds + 5):
        start = time.process_time()
        client.get(path)
        if number >= 5:
            found.append((time.process_time() - start) * 1000)
    return statistics.median(found)


def _asker(address: str, cookie: str) -> Callable[[str], tuple[int, bytes, str]]:
    host = urlsplit(address)
    connection = http.client.HTTPConnection(host.hostname or "", host.port)

    def ask(path: str) -> tuple[int, bytes, str]:
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Content-Encoding", "")

    return ask


def _weight(address: str, path: str, cookie: str) -> float:
    """Kilobytes of the page with every style sheet and script it names, each compressed with gzip."""
    ask = _asker(address, cookie)
    html = ask(path)[1]
    names = re.findall(rb'(?:href|src)="(/static/[^"]+\.(?:css|js))"', html)
    parts = [html, *(ask(name.decode())[1] for name in dict.fromkeys(names))]
    sizes = {name: len(gzip.compress(part, 6)) for name, part in zip(["html", *names], parts, strict=True)}
    print(json.dumps({str(name): size for name, size in sizes.items()}))
    return sum(sizes.values()) / 1000


if __name__ == "__main__":
    sys.exit(inside() if "--inside" in sys.argv else main())
