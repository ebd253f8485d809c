"""Headway as one of the contestants: through its client, with exposures on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bench.evaluation_data import ATTRIBUTES, document


def imported() -> None:
    """With what a first client loads for requests."""
    from headway import Client

    Client("memory:", "bench", offline=True)


def prepared(flags: dict[str, Any]) -> bytes:
    return json.dumps(document(flags), separators=(",", ":")).encode()


def started(body: bytes) -> Callable[[str], Callable[[str], object]]:
    from headway import Client

    client = Client("memory:", "bench", bootstrap=body, offline=True, max_units=400_000)
    evaluate = client.evaluate

    def ask(key: str) -> Callable[[str], object]:
        return lambda user: evaluate(key, user, ATTRIBUTES).value

    return ask
