"""The shop replay: real sessions and purchases, with request latencies from real traces.

Every session of the shop data is one visitor. The SDK assigns the arm; the visitor's home-page requests
take their latency from the traces: rows without an injected delay for control, rows with one for
treatment, in the published order, so that each arm's latencies are distributed as in the traces.
"""

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path

DATA = Path(__file__).parent / "data"
EXPERIMENT = "home-recommendations"
FLAG = "home-recommendations"
UNIT_TYPE = "visitor"
DAYS = 14
MAX_REQUESTS = 3
OPERATING_SYSTEMS = {"1": "windows", "2": "android", "3": "ios", "4": "macos"}
SLOW_MS = 500
BETWEEN_REQUESTS = timedelta(seconds=20)
LONGEST_VISIT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Session:
    """One visit: who, when, on what, what was looked at and whether something was bought."""

    visitor: str
    at: datetime
    system: str
    visitor_type: str
    pages: int
    product_pages: int
    product_seconds: float
    bought: bool

    @property
    def requests(self) -> int:
        """Home-page requests of the visit: one to three, more for visitors who looked at more."""
        return 1 + min(self.product_pages // 15, MAX_REQUESTS - 1)

    @property
    def ends_at(self) -> datetime:
        """After the time spent on products, at most half an hour: longer ones were left open."""
        spent = min(timedelta(seconds=self.product_seconds), LONGEST_VISIT)
        return self.at + max(spent, self.requests * BETWEEN_REQUESTS)

    @property
    def dims(self) -> dict[str, str]:
        return {"system": self.system, "visitor_type": self.visitor_type}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something a visitor did, as the shop would tell the SDK."""

    name: str
    at: datetime
    value: float | None = None
    dims: Mapping[str, str] = field(default_factory=dict)


def visit(session: Session, latencies_ms: Iterator[float]) -> Iterator[Happening]:
    """What happens after the visitor was exposed, in order of time; home pages take the next latencies."""
    for number in range(session.requests):
        latency = next(latencies_ms)
        slow = "yes" if latency > SLOW_MS else "no"
        at = session.at + number * BETWEEN_REQUESTS
        yield Happening("home_request", at, latency, {"slow": slow})
    if session.pages <= 1:
        yield Happening("single_page_visit", session.at)
    if session.bought:
        yield Happening("purchase", session.ends_at)
    yield Happening("visit_ended", session.ends_at, float(session.product_pages))


def sessions(*, until: datetime) -> Iterator[Session]:
    """The 12,330 sessions in file order, spread evenly over the fourteen days before `until`.

    The data has months but no days, so the order is real and the clock times are not.
    """
    rows = list(_rows("sessions.csv.gz"))
    step = timedelta(days=DAYS) / len(rows)
    for index, row in enumerate(rows):
        yield Session(
            visitor=f"visitor-{row['session_id']}",
            at=until - timedelta(days=DAYS) + index * step,
            system=OPERATING_SYSTEMS.get(row["OperatingSystems"], "other"),
            visitor_type=row["VisitorType"].removesuffix("_Visitor").lower(),
            pages=sum(int(row[kind]) for kind in ("Administrative", "Informational", "ProductRelated")),
            product_pages=int(row["ProductRelated"]),
            product_seconds=float(row["ProductRelated_Duration"]),
            bought=row["Revenue"] == "True",
        )


def trace_latencies_ms() -> Mapping[str, Sequence[float]]:
    """Home-page latencies in ms per arm: without (control) and with (treatment) an injected delay."""
    arms: dict[str, list[float]] = {"control": [], "treatment": []}
    for row in _rows("requests_eshopper_000.csv.gz"):
        arms["control" if row["anomaly"] == "0" else "treatment"].append(float(row["Latency"]))
    return arms


def endless_latencies_ms() -> dict[str, Iterator[float]]:
    """For every arm its latencies in the published order, over and over."""
    return {arm: cycle(values) for arm, values in trace_latencies_ms().items()}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)
