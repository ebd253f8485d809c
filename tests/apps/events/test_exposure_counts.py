"""What compaction counts of exposures, and what flags' pages make of it."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from events import queries, services
from events.models import ExposureCount
from flags import seen
from flags.models import FlagSighting
from tests.apps.events.building import NOW, exposure, put
from tests.apps.flags.build import environment, flag

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, monkeypatch):
    client.force_login(get_user_model().objects.create_user("ada"))
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    return lambda name, *of, **query: client.get(reverse(name, args=of), query).content.decode()


def daily(flag_key="checkout"):
    return [
        (each.day.isoformat(), each.variant, each.count)
        for each in seen.daily("production", flag_key, NOW.date() - timedelta(days=30))
    ]


def test_counts__two_rounds_with_duplicates_and_another_day__each_exposure_once():
    flag("checkout")
    yesterday = (NOW - timedelta(days=1)).isoformat()
    put([exposure(number) for number in range(10)] + [exposure(20, ts=yesterday)])
    services.drain(now=NOW)
    put([exposure(number) for number in range(8, 13)])
    services.drain(now=NOW)

    assert daily() == [
        ("2026-03-03", "control", 1),
        ("2026-03-04", "control", 7),
        ("2026-03-04", "treatment", 6),
    ]
    newest = NOW - timedelta(minutes=40) + timedelta(seconds=12)
    assert seen.last_seen("production", ["checkout", "other"]) == {"checkout": newest}


def test_counts__of_what_is_no_flag__none():
    put([exposure(1, flag="made-up")])
    services.drain(now=NOW)

    assert not ExposureCount.objects.exists()


def test_counts__other_environment__apart():
    flag("checkout")
    put([exposure(1)], environment="staging")
    services.drain(now=NOW)

    assert daily() == []
    assert queries.exposures_since("production") is None


def test_flag_page__exposures__shown_by_variant_and_when_last(page):
    flag("checkout")
    put([exposure(number) for number in range(6)])
    services.drain(now=NOW)

    text = page("flag", "checkout")

    assert "Who was shown what" in text
    assert text.count('<svg class="day-bars"') == 2
    assert "last evaluated 2026-03-04" in text
    assert "2026-03-04" in page("flags")


def test_flag_page__none__says_what_would_leave_one(page):
    flag("checkout")

    assert "Nobody was shown a variant in production" in page("flag", "checkout")


@pytest.mark.parametrize(("heard_for", "is_stale"), [(timedelta(days=20), True), (timedelta(days=3), False)])
def test_stale__not_asked_for__only_when_it_would_be_known(page, heard_for, is_stale):
    flag("checkout", now=NOW - timedelta(days=25))
    other = flag("other", now=NOW - timedelta(days=25))
    began = NOW - heard_for
    FlagSighting.objects.create(environment=environment(), flag=other, first_at=began, last_at=NOW)

    listed = page("flags", stale="on")

    assert ("product code has not asked for it" in listed) is is_stale
