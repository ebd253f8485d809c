"""Events through the running platform: what is sent twice, what is refused."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from events import queries
from flags import services
from tests.flows.calling import Console, post_batch
from tests.flows.places import environment, filed

USER, PASSWORD = "reader-of-refusals", "a long enough pass phrase"
NEVER = (date(1990, 1, 1), date(2990, 1, 1))


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


def batch_of(events):
    return {"batch_id": str(uuid4()), "events": events}


def sdk_key(place):
    """A key of an environment that only one test uses."""
    _, secret = services.create_key(
        environment=environment(place), name="flow", scope="server", actor="rosa", now=timezone.now()
    )
    return secret


def counted(place):
    since, until = NEVER
    return queries.tallies(place, since=since, until=until)


def stored(place):
    return sum(file.rows for file in queries.files("events", environment=place))


def test_batch__posted_twice__same_answer_and_no_count_changes(connected):
    key, batch = sdk_key("posted-twice"), batch_of([event() for _ in range(100)])

    first = post_batch(connected.edge_url, key, batch)
    filed("posted-twice")
    before = (counted("posted-twice"), stored("posted-twice"))
    second = post_batch(connected.edge_url, key, batch)
    filed("posted-twice")

    assert first == second == (202, {"accepted": 100, "refused": []})
    assert before == ({"event": 100}, 100)
    assert (counted("posted-twice"), stored("posted-twice")) == before


def test_events__sent_again_in_another_batch__stored_once(connected):
    key, events = sdk_key("sent-again"), [event() for _ in range(50)]

    for _ in range(2):
        assert post_batch(connected.edge_url, key, batch_of(events))[0] == 202
    filed("sent-again")

    assert stored("sent-again") == 50
    assert counted("sent-again") == {"event": 50, "duplicate": 50}


@pytest.fixture
def refused(connected):
    """The answer to a batch with one bad event in 100, and the bad event's place."""
    key = sdk_key("one-bad-event")
    events = [event(value=float(number)) for number in range(100)]
    events[41]["value"] = "much too slow"
    answer = post_batch(connected.edge_url, key, batch_of(events))
    filed("one-bad-event")
    return answer


def test_batch__one_bad_event_in_100__99_accepted_and_the_field_value_and_reason_named(connected, refused):
    status, body = refused

    [problem] = body["refused"]
    assert (status, body["accepted"], problem["index"]) == (202, 99, 41)
    assert problem["field"] == "value"
    assert "much too slow" in problem["value"]
    assert problem["reason"]
    assert counted("one-bad-event")["refused"] >= 1


def test_refused_event__on_the_page__field_value_and_reason_to_read(connected, refused):
    [problem] = refused[1]["refused"]
    get_user_model().objects.create_user(USER, password=PASSWORD)
    console = Console(connected.web_url)
    assert console.log_in(USER, PASSWORD)

    page = console.page("/events/refused/?environment=one-bad-event").lower()

    for text in (problem["field"], "much too slow", problem["reason"]):
        assert text in page
