"""Which events are taken, and what is said about the others. No database, no HTTP."""

import json
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.diagnosis import Window, diagnose
from events.envelopes import BatchTooLarge
from events.judging import judge
from ledger.refusals import Refused
from tests.core.events.hostile import BAD_EVENTS, GOOD, GOOD_EVENTS, SHOWN, WHOLE_BODIES, around, raw

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
WINDOW = Window.at(NOW, accepts_history=False)


@pytest.mark.parametrize("name", GOOD_EVENTS)
def test_event__good__accepted_alone_and_among_bad_ones(name):
    event = GOOD_EVENTS[name]
    bad = raw(value="1")

    assert judge(around([event]), NOW).refused == ()
    assert diagnose(event, WINDOW) is None
    mixed = judge(around([bad, event, b'{"x": NaN}']), NOW)
    assert [index for index, _ in mixed.refused] == [0, 2]
    assert mixed.accepted == 1


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_event__bad__refused_with_field_value_and_reason_and_the_others_accepted(name):
    event, field = BAD_EVENTS[name]

    judged = judge(around([raw(), event, raw(SHOWN)]), NOW)

    assert judged.accepted == 2
    [(index, problem)] = judged.refused
    assert index == 1
    assert problem.field.split(".")[0] == field.split(".")[0]
    assert problem.reason
    assert len(problem.value) < 300


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_refusal__any__is_text_that_a_database_and_a_terminal_take(name):
    judged = judge(around([BAD_EVENTS[name][0]]), NOW)

    [refusal] = judged.refusals()
    texts = [value for value in refusal.values() if isinstance(value, str)]
    assert len(texts) == 4
    assert all(text.isprintable() for text in texts)
    json.dumps(refusal).encode()


@pytest.mark.parametrize("name", WHOLE_BODIES)
def test_body__hostile__refused_whole_with_a_reason(name):
    body, words = WHOLE_BODIES[name]

    with pytest.raises(Refused) as refused:
        judge(body, NOW)

    [problem] = refused.value.problems
    assert words in f"{problem.field} {problem.reason} {problem.fix}"
    assert problem.fix


def test_body__all_bad_events_at_once__every_one_refused_and_the_good_ones_taken():
    bad = [event for event, _ in BAD_EVENTS.values()]
    good = list(GOOD_EVENTS.values())
    mixed = [event for pair in zip(bad, good * 4, strict=False) for event in pair]

    judged = judge(around(mixed), NOW)

    assert len(judged.refused) == len(bad)
    assert judged.accepted == len(mixed) - len(bad)


def test_body__misspelt_field__suggests_the_right_one():
    judged = judge(around([raw(sesion="x"), raw(id=..., evnt_id="x")]), NOW)

    assert [problem.fix for _, problem in judged.refused] == [
        "Did you mean session?",
        'Did you mean id where you sent "evnt_id"?',
    ]


def test_body__more_events_than_the_limit__too_large():
    with pytest.raises(BatchTooLarge):
        judge(around([raw()] * 1_001), NOW)

    assert judge(around([raw()] * 1_000), NOW).accepted == 1_000


def test_key_that_accepts_history__old_event__accepted_and_future_still_refused():
    old, coming = raw(ts="1995-01-01T00:00:00Z"), raw(ts="2026-03-04T12:11:00Z")

    assert judge(around([old]), NOW, accepts_history=True).accepted == 1
    assert judge(around([coming]), NOW, accepts_history=True).accepted == 0


def test_digest__envelope_differs__same_events_same_digest():
    first = judge(around([raw()], dropped=0), NOW)

    assert judge(around([raw()], dropped=5), NOW).digest == first.digest
    assert judge(around([raw(value=1)]), NOW).digest != first.digest


def test_rebuilt_body__not_quite_json__is_json_with_the_good_events_as_sent():
    judged = judge(around([raw(), b'{"value": NaN, "unit": "\xff"}']), NOW)

    rebuilt = json.loads(judged.rebuilt or b"")
    assert rebuilt["events"][0] == GOOD
    assert rebuilt["events"][1] == '{"value": NaN, "unit": "\\xff"}'


@pytest.mark.parametrize("body", [b"[" * 900_000, b'{"a":' * 150_000, b"," * 900_000, b'"' * 900_000])
def test_body__a_megabyte_of_one_character__refused_in_little_memory(body):
    tracemalloc.start()

    with pytest.raises(Refused):
        judge(body, NOW)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64_000_000


TEXTS = st.text(max_size=20) | st.sampled_from(["", " ", "\0", "a\u200b", '"', "\\", "é", "🦊", "x" * 600])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TIMES = st.datetimes(
    NOW.replace(tzinfo=None) - timedelta(days=9), NOW.replace(tzinfo=None) + timedelta(days=1)
).map(lambda at: at.replace(tzinfo=UTC).isoformat())
FIELDS = st.sampled_from([*GOOD, *SHOWN, "surprise"])
CHANGED = st.dictionaries(
    FIELDS, JSON | TIMES | st.dictionaries(TEXTS, TEXTS, max_size=3) | st.just(...), max_size=3
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([GOOD, SHOWN]), CHANGED), min_size=1, max_size=8))
def test_batch__any_events__judged_together_as_one_by_one(drawn):
    events = [raw(event, **changes) for event, changes in drawn]

    together = judge(around(events), NOW)

    alone = [index for index, event in enumerate(events) if judge(around([event]), NOW).refused]
    assert [index for index, _ in together.refused] == alone
    assert alone == [index for index, event in enumerate(events) if diagnose(event, WINDOW) is not None]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_body__any_bytes__judged_or_refused_and_never_another_exception(body):
    for candidate in (body, around([body])):
        with suppress(Refused):
            judge(candidate, NOW)
