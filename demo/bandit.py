"""The real A/B test: 60,000 impressions of three campaigns, with their true timestamps.

One impression is one unit; it saw the policy `random` (control) or `bts` (treatment) and was clicked or not.
Event ids are derived from the row, so that sending a row again changes nothing.
"""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

FILE = Path(__file__).parent / "data" / "open_bandit_impressions.csv.gz"
CAMPAIGNS = ("all", "men", "women")
STARTED_AT = datetime(2019, 11, 24, tzinfo=UTC)
STOPPED_AT = datetime(2019, 12, 1, tzinfo=UTC)
UNIT_TYPE = "impression"
CLICK = "recommendation_click"
ITEM_POSITIONS = {"1": "left", "2": "centre", "3": "right"}


@dataclass(frozen=True, slots=True)
class Impression:
    """One row of the file; `number` counts from 0 over the whole file."""

    number: int
    campaign: str
    policy: str
    ts: str
    position: str
    clicked: bool

    @property
    def unit(self) -> str:
        return f"impression-{self.number}"


def experiment_key(campaign: str) -> str:
    return f"bandit-{campaign}"


def impressions() -> Iterator[Impression]:
    """All rows in the file's order."""
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines)):
            yield Impression(
                number=number,
                campaign=row["campaign"],
                policy=row["policy"],
                ts=row["timestamp"],
                position=ITEM_POSITIONS[row["position"]],
                clicked=row["click"] == "1",
            )


def events() -> Iterator[dict[str, Any]]:
    """An exposure for every impression and an event for every click, in the ingest format."""
    for impression in impressions():
        yield _exposure(impression)
        if impression.clicked:
            yield _click(impression)


def _exposure(impression: Impression) -> dict[str, Any]:
    key = experiment_key(impression.campaign)
    return {
        **_common(impression, "exposure"),
        "flag": key,
        "experiment": key,
        "variant": impression.policy,
        "version": 1,
        "forced": False,
        "dims": {"position": impression.position},
    }


def _click(impression: Impression) -> dict[str, Any]:
    return {
        **_common(impression, "event"),
        "name": CLICK,
        "value": None,
        "session": None,
        "dims": {"campaign": impression.campaign},
    }


def _common(impression: Impression, kind: str) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE_URL, f"open-bandit/{impression.number}/{kind}")),
        "kind": kind,
        "ts": impression.ts,
        "unit": impression.unit,
        "unit_type": UNIT_TYPE,
    }
