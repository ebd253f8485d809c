"""How many requests to the API a caller may make: headers, 429, and a Redis that is away."""

import secrets

import pytest

from config import limits

pytestmark = pytest.mark.django_db
AT = 1_767_225_621.5 + 60 * secrets.randbelow(1_000_000)
"""21 s into a minute, of which no earlier run left a count in a Redis that stays."""


@pytest.fixture(autouse=True)
def strict(settings, monkeypatch):
    """Two requests a minute, counted by a process that has just begun, in a minute that does not end."""
    settings.HEADWAY_API_RATE = 2
    monkeypatch.setattr(limits, "counts", limits.Counts())
    monkeypatch.setattr(limits.time, "time", lambda: AT)


@pytest.fixture
def bearer():
    return {"Authorization": f"Bearer {secrets.token_hex(8)}"}


def ask(client, headers, path="/api/v1/flags"):
    return client.get(path, headers=headers)


def test_answers__within_the_limit__say_what_is_left(client, bearer):
    answers = [ask(client, bearer) for _ in range(2)]

    assert [each.headers["RateLimit"] for each in answers] == ['"default";r=1;t=39', '"default";r=0;t=39']
    assert answers[0].headers["RateLimit-Policy"] == '"default";q=2;w=60'
    assert "Retry-After" not in answers[1].headers


def test_answers__beyond_the_limit__429_and_when_to_ask_again(client, bearer):
    answers = [ask(client, bearer) for _ in range(3)]

    assert answers[2].status_code == 429
    assert answers[2].headers["Retry-After"] == "39"
    assert answers[2].headers["RateLimit"] == '"default";r=0;t=39'
    assert answers[2].headers["Content-Type"] == "application/problem+json"
    assert answers[2].json()["detail"].startswith("more than 2 requests in a minute; nothing was done")


def test_answers__next_minute__counted_anew(client, bearer, monkeypatch):
    for _ in range(3):
        ask(client, bearer)
    monkeypatch.setattr(limits.time, "time", lambda: AT + 60)

    assert ask(client, bearer).status_code != 429


def test_answers__another_key_or_process__own_count_or_shared(client, bearer, monkeypatch):
    ask(client, bearer)
    monkeypatch.setattr(limits, "counts", limits.Counts())

    other = ask(client, {"Authorization": "Bearer " + secrets.token_hex(8)})

    assert other.headers["RateLimit"] == '"default";r=1;t=39'
    assert ask(client, bearer).headers["RateLimit"] == '"default";r=0;t=39'


def test_answers__redis_away__the_process_counts_for_itself(client, bearer, settings):
    settings.HEADWAY_REDIS_URL = "redis://127.0.0.1:1/0"

    assert [ask(client, bearer).status_code == 429 for _ in range(3)] == [False, False, True]


def test_answers__logged_in__counted_by_person(browser):
    answers = [ask(browser, {}) for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]


def test_pages__beyond_the_limit__not_counted(browser):
    answers = [browser.get("/flags/") for _ in range(3)]

    assert {each.status_code for each in answers} == {200}
    assert "RateLimit" not in answers[0].headers


def test_answers__no_limit__no_header(client, bearer, settings):
    settings.HEADWAY_API_RATE = 0

    assert "RateLimit" not in ask(client, bearer).headers
