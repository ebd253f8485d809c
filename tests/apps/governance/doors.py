"""The addresses behind which a change can reach everybody, each with a request that would take it there.

Keyed by the address's name; `test_doors_to_everybody` holds that none is missing. `ask` prepares what the
request needs and gives the parts of its address and its body. `later` lets the clock run where the request
only asks for something: what it says then is the answer.
"""

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.db import transaction
from django.urls import reverse

from flags.models import ConfigDocument
from headway.evaluation import compile_config
from ledger import queries as ledger
from tests.apps.flags import build
from tests.apps.governance.open_worlds import LATER

UNITS = [f"u{number}" for number in range(200)]
ATTRIBUTES = {"plan": "everybody"}
Ask = Callable[[], tuple[Mapping[str, Any], Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Door:
    """`flag` is whose answers are watched; `needs_person`: a key is refused whatever else."""

    ask: Ask
    flag: str = "checkout"
    later: Callable[[], str] | None = None
    needs_person: bool = False
    reaches: float = 0.95


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: `status` of the first answer, what was said in the end, and what is served.

    `share` is that of the new value, where something new is served; `rows` how many audit rows were written.
    """

    status: int
    said: str
    is_served_anew: bool
    share: float
    rows: int


def run(task: Callable[[], None]) -> None:
    """Let the clock call a task later."""
    with patch("django.utils.timezone.now", lambda: LATER):
        task()


def knocked(client: Any, key: str, name: str, door: Door) -> Answer:
    """Send the door's request, as a person to pages and with a key to the API."""
    parts, body = door.ask()
    before, last = served(), ledger.last_audit_id()
    address, sent = reverse(name, kwargs=dict(parts)), dict(body)
    if name.startswith("api-"):
        headers = {} if door.needs_person else {"Authorization": f"Bearer {key}"}
        answer = client.post(address, sent, content_type="application/json", headers=headers)
    else:
        answer = client.post(address, sent)
    said = answer.content.decode()
    if door.later is not None and answer.status_code < 400:
        said = door.later()
    is_new = served() != before
    rows = ledger.audit_after(last).count()
    return Answer(answer.status_code, said, is_new, share(door.flag) if is_new else 0.0, rows)


def served() -> bytes:
    """The configuration as SDKs fetch it."""
    return bytes(ConfigDocument.objects.get(environment__key="production").body)


def share(flag: str) -> float:
    """How many of the units an SDK gives the new value."""
    config = compile_config(build.document())
    given = [config.evaluate(flag, unit, ATTRIBUTES).value for unit in UNITS]
    return given.count(True) / len(given)


@contextmanager
def undone():
    """Whatever happens inside is taken back afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def answers(client: Any, key: str, doors: Mapping[str, Door]) -> dict[str, Answer]:
    """What each door answers by itself."""
    found = {}
    for name, door in doors.items():
        with undone():
            found[name] = knocked(client, key, name, door)
    return found
