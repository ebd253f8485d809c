"""What the client sends is what the ingest takes: held against the ingest's own judgement."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import bodies, judging, wire
from headway.counting import Counters
from headway.logs import Voice
from headway.outbox import Outbox
from headway.recording import Recorder
from headway.testing import MemoryClient
from tests.core.sdk.build import document, experiment, flag, split

NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def _judged(outbox):
    batch = outbox.next_batch()
    return judging.judge(bodies.gunzip(batch.body), NOW)


def test_exposures_and_events__of_every_shape__all_accepted():
    flags = {
        "drawn": experiment(),
        "free": flag([split()]),
        "device": flag([split(unit_from="device")]),
        "forced": flag([split()], forced={"qa": "treatment"}),
    }
    client = MemoryClient(document=document(flags), clock=lambda: NOW, exposure_dims=["country", "paid"])
    for unit in ("user-1", 42, "é😀", "x" * 512, "qa", "a\nb"):
        for key in flags:
            client.evaluate(key, unit, {"device": f"d-{unit}"[:512], "country": "de", "paid": True})
        client.track("purchase", unit, 49.9, session=unit, dims={"os": "ios", "size": 3, "half": 0.5})
        client.track("view", unit, unit_type="device")

    noted = len(client.exposures) + len(client.events)
    judged = _judged(client._outbox)

    assert judged.refused == ()
    assert judged.accepted == noted > 30
    assert judged.sdk.startswith("headway-python/")


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            TEXTS.filter(bool),
            st.one_of(st.none(), st.floats(), st.integers()),
            st.dictionaries(TEXTS, TEXTS, max_size=4),
        ),
        min_size=1,
        max_size=10,
    )
)
def test_track__any_text_and_number__nothing_the_client_takes_is_unreadable(calls):
    """What the client lets through may be refused for its words, never for its shape."""
    outbox = Outbox(100, "sdk/1", Counters())
    recorder = Recorder(
        outbox,
        clock=lambda: NOW,
        unit_type="user",
        exposure_dims=(),
        max_units=10,
        counters=Counters(),
        voice=Voice(),
    )
    for text, value, dims in calls:
        event = {"name": "event", "unit": text, "value": value, "session": text, "unit_type": None}
        recorder.track(event, dims)
    if not len(outbox):
        return

    judged = _judged(outbox)

    assert all(found.field.startswith("dims") for _, found in judged.refused)


def test_limits__of_client_and_ingest__the_same():
    from headway import outbox, recording
    from headway.evaluation import MAX_UNIT
    from headway.evaluation.flag_checking import MAX_VERSION

    assert outbox.MAX_EVENTS == wire.MAX_EVENTS
    assert outbox.MAX_BYTES < wire.MAX_BODY
    assert MAX_UNIT == wire.MAX_UNIT
    assert MAX_VERSION == wire.MAX_VERSION
    assert (recording.MAX_NAME, recording.MAX_DIMS) == (wire.MAX_NAME, wire.MAX_DIMS)
    assert (recording.MAX_DIM_NAME, recording.MAX_DIM_VALUE) == (wire.MAX_DIM_NAME, wire.MAX_DIM_VALUE)
    assert recording.MAX_VALUE == wire.MAX_VALUE
