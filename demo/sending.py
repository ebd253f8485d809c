"""Sending recorded events through the HTTP ingest, as any other producer would.

Batch ids are derived from the batch's place in the recording, so that sending the recording again after an
interruption changes nothing.
"""

import gzip
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import NAMESPACE_URL, uuid5

BATCH_SIZE = 1000
MAX_WAITS = 60


class IngestRefused(Exception):
    """The ingest did not take a batch; the message holds its answer."""


@dataclass(slots=True)
class Totals:
    """What the ingest acknowledged and refused."""

    accepted: int = 0
    refused: int = 0


def send(
    events: Iterable[dict[str, Any]],
    *,
    url: str,
    key: str,
    recording: str,
    progress: Callable[[int], None] = lambda _: None,
) -> Totals:
    """Send all events in batches of 1,000; waits when told to. Raises IngestRefused."""
    totals = Totals()
    for number, batch in enumerate(_batches(events)):
        answer = _post(_body(batch, f"{recording}/{number}"), url=url, key=key)
        totals.accepted += answer["accepted"]
        totals.refused += len(answer["refused"])
        progress(len(batch))
    return totals


def _batches(events: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    remaining = iter(events)
    while batch := list(islice(remaining, BATCH_SIZE)):
        yield batch


def _body(batch: list[dict[str, Any]], name: str) -> bytes:
    document = {
        "batch_id": str(uuid5(NAMESPACE_URL, name)),
        "sent_at": datetime.now(UTC).isoformat(),
        "sdk": "headway-demo/1",
        "dropped": 0,
        "events": batch,
    }
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), compresslevel=1, mtime=0)


def _post(body: bytes, *, url: str, key: str) -> dict[str, Any]:
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }
    request = Request(f"{url}/sdk/v1/events", data=body, headers=headers, method="POST")  # noqa: S310
    for _ in range(MAX_WAITS):
        try:
            with urlopen(request, timeout=30) as response:  # noqa: S310
                answer: dict[str, Any] = json.load(response)
                return answer
        except HTTPError as error:
            _wait_or_raise(error)
    raise IngestRefused("the ingest asked to wait too often")


def _wait_or_raise(error: HTTPError) -> None:
    """429 and 503 name a time to wait; anything else is final."""
    with error:
        if error.code not in {429, 503}:
            raise IngestRefused(f"{error.code}: {error.read().decode(errors='replace')}") from error
        time.sleep(float(error.headers.get("Retry-After", "1")))
