"""Events through the running platform: what is sent twice, what is refused."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.utils import timezone

from flags import services
from tests.flows.calling import post_batch
from tests.flows.places import environment


def event(**changes):
    return {
        "id": str(uuid4()),
        "kind": "event",
        "ts": datetime.now(UTC).isoformat(),
        "unit": "user-1",
        "unit_type": "user",
        "name": "opened",
        **changes,
    }


@pytest.fixture
def sdk_key(connected):
    _, secret = services.create_key(
        environment=environment("ingest"), name="flow", scope="server", actor="rosa", now=timezone.now()
    )
    return secret


def test_batch__posted_twice__same_answer(connected, sdk_key):
    batch = {"batch_id": str(uuid4()), "events": [event() for _ in range(100)]}

    first = post_batch(connected.edge_url, sdk_key, batch)
    second = post_batch(connected.edge_url, sdk_key, batch)

    assert first == second == (202, {"accepted": 100, "refused": []})
