"""Error pages, headers and health: what the site answers whatever happens behind it."""

import json
import logging

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.test import Client

from config import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(client):
    client.force_login(get_user_model().objects.create_user("ada"))
    client.raise_request_exception = False
    return client


def test_page__any__policy_without_inline_code(visitor):
    answer = visitor.get("/learn/")

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_page__not_there__404_in_words(visitor):
    answer = visitor.get("/nowhere/")

    assert answer.status_code == 404
    assert "Page not found" in answer.content.decode()


def test_api__not_there__problem_json(visitor):
    answer = visitor.get("/api/v1/nowhere")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.content)["detail"] == "there is nothing at /api/v1/nowhere"


@pytest.mark.parametrize("address", ["/flags/%00/", "/experiments/?search=%00", "/api/v1/metrics?x=%00"])
def test_address__with_nul__400_in_words(visitor, address):
    answer = visitor.get(address)

    assert answer.status_code == 400
    assert "NUL" in answer.content.decode()


def test_page__form_without_token__403(ada_without_token):
    answer = ada_without_token.post("/logout")

    assert answer.status_code == 403
    assert "Not allowed" in answer.content.decode()


@pytest.fixture
def ada_without_token():
    client = Client(enforce_csrf_checks=True)
    client.force_login(get_user_model().objects.create_user("ada"))
    return client


@pytest.mark.parametrize(
    ("path", "kind"), [("/learn/", "text/html"), ("/api/v1/metrics", "application/problem+json")]
)
def test_database__away__503_with_retry_after(visitor, monkeypatch, path, kind):
    def refuse(*_, **__):
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", refuse)

    answer = visitor.get(path)

    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.headers["Retry-After"] == "5"
    assert "connection refused" not in answer.content.decode()


def test_errors__outside_of_debugging__reach_the_standard_error():
    logger, handlers = logging.getLogger("django.request"), []
    while logger is not None:
        handlers += logger.handlers
        logger = logger.parent if logger.propagate else None

    assert any(type(each) is logging.StreamHandler and not each.filters for each in handlers)


def test_view__breaks__500_without_a_trace(visitor, monkeypatch):
    monkeypatch.setattr("culture.pages.handbook.terms", lambda: 1 / 0)

    answer = visitor.get("/learn/")

    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()
    assert "ZeroDivisionError" not in answer.content.decode()


def test_health__all_there__ok_without_a_login(client):
    answer = client.get("/health")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "redis": "ok"}


def test_health__redis_away__told_but_still_serving(client, settings):
    settings.HEADWAY_REDIS_URL = "redis://127.0.0.1:1/0"

    answer = client.get("/health")

    assert answer.status_code == 200
    assert answer.json()["redis"] == health.AWAY


def test_health__database_away__503(client, monkeypatch):
    def refuse(*_, **__):
        raise OperationalError

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", refuse)

    answer = client.get("/health")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"


def test_static__vendored_script__served_from_the_checkout(client):
    answer = client.get("/static/vendor/htmx.min.js")

    assert answer.status_code == 200
    assert b"htmx" in answer.getvalue()
