"""The pages under /events/: what a person sees."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from events import services
from events.models import ImportRun, IngestCount, LabelledEvent, RefusedEvent
from metrics import services as metric_services
from tests.apps.events.building import NOW, event, exposure, put, stored
from tests.apps.metrics.texts import metric_text

pytestmark = pytest.mark.django_db
PAGES = (
    "events",
    "refused-events",
    "labelled-events",
    "labelled-event-new",
    "event-imports",
    "personal-data",
)


@pytest.fixture
def pages(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


def text(answer):
    return answer.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_page__anonymous__sent_to_log_in(client, name):
    assert client.get(reverse(name)).status_code == 302


@pytest.mark.parametrize("name", PAGES)
def test_page__nothing_there__says_what_to_do(pages, name):
    answer = pages.get(reverse(name))

    assert answer.status_code == 200
    assert 'class="empty"' in text(answer) or name == "labelled-event-new"


def test_overview__a_day_of_data__counts_per_key_and_freshness(pages, sdk_key):
    now = timezone.now()
    put([event(1), event(2, value="x"), exposure(3)], key=sdk_key(), received_at=NOW)
    put([event(1)], received_at=NOW)
    services.drain(now=now)
    put([event(9)], received_at=now - timedelta(minutes=3))
    IngestCount.objects.update(day=now.date())

    page = text(pages.get(reverse("events")))

    assert "2026-03-04 11:30 UTC" in page
    assert "1 batch, " in page
    assert "the oldest for 3 min" in page
    assert "import" in page
    assert "shop" in page
    assert "1 duplicates" in page
    assert "this is a text" in page


def test_overview__environment_chosen__only_its_own(pages, sdk_key):
    put([event(1)], key=sdk_key(), received_at=timezone.now())
    services.drain(now=timezone.now())

    assert "shop" in text(pages.get(reverse("events"), {"environment": "production"}))
    assert "Nothing came in" in text(pages.get(reverse("events"), {"environment": "staging"}))


@pytest.mark.parametrize(
    "query", [{"days": "-1"}, {"days": "x"}, {"page": "99999"}, {"environment": "<script>"}]
)
def test_overview__odd_query__still_a_page(pages, query):
    assert pages.get(reverse("events"), query).status_code == 200


def test_refused__one_bad_event_in_a_hundred__visible_before_and_after_compaction(pages):
    put([event(n, **({"value": "12.5"} if n == 42 else {})) for n in range(100)])

    at_once = text(pages.get(reverse("refused-events")))
    services.drain(now=NOW)
    later = text(pages.get(reverse("refused-events")))

    for page in (at_once, later):
        assert "&#x27;12.5&#x27;" in page
        assert "index 42 of batch" in page
        assert "text" in page
    assert "being filed" in at_once
    assert "being filed" not in later
    assert len(stored("events")) == 99


def test_refused__filtered__only_what_matches(pages):
    put([event(1, value="x"), event(2, name="")])
    services.drain(now=NOW)
    put([event(3, unit="")])

    page = text(pages.get(reverse("refused-events"), {"field": "unit"}))

    assert "being filed" in page
    assert ">name<" not in page
    assert "No refused event matches" in text(pages.get(reverse("refused-events"), {"field": "dims"}))


def test_refused__markup_in_the_event__shown_as_text(pages):
    put([event(1, value="<script>alert(1)</script>")])
    services.drain(now=NOW)

    listing = text(pages.get(reverse("refused-events")))
    detail = text(pages.get(reverse("refused-event", args=[RefusedEvent.objects.get().id])))

    assert "<script>alert" not in listing + detail


def test_refused_event__corrected__taken_in(pages):
    put([event(1, value="12")])
    services.drain(now=NOW)
    address = reverse("refused-event", args=[RefusedEvent.objects.get().id])

    still_wrong = pages.post(address, {"raw": json.dumps(event(1, value="13"))})
    answer = pages.post(address, {"raw": json.dumps(event(1, value=12))}, follow=True)
    services.drain(now=NOW)

    assert still_wrong.status_code == 422
    assert "It was not taken in" in text(still_wrong)
    assert "The event was taken in" in text(answer)
    assert [row["value"] for row in stored("events")] == [12.0]
    assert "<textarea" not in text(pages.get(address))


def test_refused_event__unreadable_bytes__shown_escaped(pages):
    put([event(1), b'{"id": "\xff\xfe"}'])
    services.drain(now=NOW)

    page = text(pages.get(reverse("refused-event", args=[RefusedEvent.objects.get().id])))

    assert "\\xff\\xfe" in page


def test_refused_event__unknown__404(pages):
    assert pages.get(reverse("refused-event", args=[77])).status_code == 404


def test_labels__form_sent__listed_and_ended(pages):
    metric_services.load_text(text=metric_text("orders"), actor="rosa", now=NOW)
    sent = {
        "kind": "incident",
        "title": "Search was slow",
        "started_at": "2026-03-04T10:00",
        "slices": "country = de, at\n\nbrowser = firefox",
        "expected": "orders = down",
        "link": "https://example.org/i/7",
    }

    page = text(pages.post(reverse("labelled-event-new"), sent, follow=True))
    row = LabelledEvent.objects.get()
    ended = text(pages.post(reverse("labelled-event-end", args=[row.id]), follow=True))

    assert row.slices == {"browser": ["firefox"], "country": ["de", "at"]}
    assert row.expected == {"orders": "down"}
    assert row.started_at.isoformat() == "2026-03-04T10:00:00+00:00"
    assert "Search was slow" in page
    assert "Ended now" in page
    assert "Ended now" not in ended


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("started_at", "soon"),
        ("slices", "country"),
        ("expected", "orders = down"),
        ("link", "x"),
    ],
)
def test_labels__bad_field__form_again_with_what_was_typed_and_why(pages, field, value):
    sent = {"kind": "fix", "title": "keep me", "started_at": "2026-03-04T10:00", field: value}

    answer = pages.post(reverse("labelled-event-new"), sent)

    assert answer.status_code == 422
    assert f"<code>{field}" in text(answer)
    assert field == "title" or "keep me" in text(answer)
    assert not LabelledEvent.objects.exists()


def test_labels__end_by_get__not_possible(pages):
    assert pages.get(reverse("labelled-event-end", args=[1])).status_code == 405


def test_imports__one_interrupted__told_how_to_go_on(pages):
    ImportRun.objects.create(
        environment="production",
        kind="events",
        file="orders.csv",
        fingerprint="a" * 64,
        rows_done=1_000,
        accepted=990,
        refused=10,
        started_by="rosa",
        started_at=NOW,
    )

    page = text(pages.get(reverse("event-imports")))

    assert "not finished" in page
    assert "goes on after row 1,000" in page


def personal(pages, name, **sent):
    wanted = {"environment": "production", "reason": "request 4711"}
    return pages.post(reverse(name), {**wanted, **sent})


def test_personal_data__deletion_asked_for__listed_without_the_id(pages, sdk_key):
    answer = personal(pages, "unit-erase", unit_type="user", unit="rosa@example.com")

    assert answer.status_code == 302
    shown = text(pages.get(reverse("personal-data")))
    assert "request 4711" in shown
    assert "waiting" in shown
    assert "rosa@example.com" not in shown


def test_personal_data__bad_deletion__says_why_and_keeps_what_was_typed(pages, sdk_key):
    answer = personal(pages, "unit-erase", unit_type="user", unit="u-1", reason=" ")

    assert answer.status_code == 422
    assert "Nothing was changed" in text(answer)
    assert 'value="u-1"' in text(answer)


def test_personal_data__retention_set__shown(pages, sdk_key):
    assert personal(pages, "retention-set", raw_days="30", count_days="").status_code == 302

    shown = text(pages.get(reverse("personal-data")))
    assert "for ever" in shown
    assert ">30<" in shown


@pytest.mark.parametrize(("raw", "counts"), [("x", "400"), ("0", "400"), ("90", "30")])
def test_personal_data__bad_retention__refused_and_typed_values_kept(pages, sdk_key, raw, counts):
    answer = personal(pages, "retention-set", raw_days=raw, count_days=counts)

    assert answer.status_code == 422
    assert f'value="{raw}"' in text(answer)


def test_personal_data__ids_like_addresses__warned(pages, sdk_key):
    put([event(1, unit="rosa@example.com")])
    services.drain(now=NOW)
    IngestCount.objects.update(day=timezone.now().date())

    assert "1 event in 30 days" in text(pages.get(reverse("personal-data")))
