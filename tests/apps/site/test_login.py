"""Logging in: generic answers, a pause after too many failures, no default account."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from config import login
from config.models import LoginFailure
from ledger import queries as ledger_queries

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return get_user_model().objects.create_user("ada", password=PASSWORD)


def attempt(client, password, name="ada"):
    return client.post("/login", {"username": name, "password": password})


def test_login__right_password__home(client, ada):
    answer = attempt(client, PASSWORD)

    assert answer.status_code == 302
    assert answer.url == "/"


def test_login__wrong_password_and_unknown_name__same_answer(client, ada):
    wrong = attempt(client, "nonsense").content.decode()
    unknown = attempt(client, "nonsense", name="eve").content.decode()

    assert "no account with this name and this password" in wrong
    assert message(wrong) == message(unknown)


def message(page):
    return page.split('role="alert">')[1].split("</div>")[0]


def test_login__ten_failures__even_the_right_password_waits(client, ada):
    for _ in range(login.MOST_BY_NAME):
        attempt(client, "nonsense")

    answer = attempt(client, PASSWORD)

    assert answer.status_code == 200
    assert "Wait 15 minutes" in answer.content.decode()


def test_login__failures_long_ago__forgotten(client, ada):
    long_ago = timezone.now() - login.WINDOW - timedelta(seconds=1)
    for _ in range(login.MOST_BY_NAME):
        LoginFailure.objects.create(name="ada", address="127.0.0.1", at=long_ago)

    assert attempt(client, PASSWORD).status_code == 302


def test_login__many_names_from_one_address__the_address_waits(client, ada):
    for number in range(login.MOST_BY_ADDRESS):
        login.note_failure(name=f"user{number}", address="127.0.0.1", now=timezone.now())

    assert "Wait 15 minutes" in attempt(client, PASSWORD).content.decode()


@pytest.mark.parametrize(
    ("is_tls", "forwarded", "seen"),
    [
        (True, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (True, "nonsense", None),
        (True, "2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::"),
        (True, "fe80::1%eth0", "fe80::"),
        (True, "::ffff:203.0.113.9", "::ffff:203.0.113.9"),
        (False, "203.0.113.9", "127.0.0.1"),
    ],
)
def test_login__behind_a_proxy__the_proxys_word_counts(client, settings, is_tls, forwarded, seen):
    settings.IS_TLS = is_tls

    client.post("/login", {"username": "eve", "password": "x"}, headers={"x-forwarded-for": forwarded})

    assert LoginFailure.objects.get().address == seen


def test_login__success__clears_the_name(client, ada):
    attempt(client, "nonsense")

    attempt(client, PASSWORD)

    assert not LoginFailure.objects.filter(name="ada").exists()


def test_accounts__after_migration__none():
    assert not get_user_model().objects.exists()


def test_create_login__generated__logs_in_and_is_on_record(client):
    said = StringIO()

    call_command("create_login", "ada", "--generate", stdout=said)

    password = said.getvalue().split("password: ")[1].strip()
    assert attempt(client, password).status_code == 302
    event = ledger_queries.audit_of("login:ada").get()
    assert event.action == "login.created"
    assert password not in str(vars(event))


def test_create_login__exists__refused_until_reset(client, ada, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO("another long password\n"))

    with pytest.raises(CommandError, match="--reset"):
        call_command("create_login", "ada", "--generate", stdout=StringIO())
    call_command("create_login", "ada", "--reset", stdout=StringIO())

    assert attempt(client, "another long password").status_code == 302


@pytest.mark.parametrize("password", ["short", "password123"])
def test_create_login__weak_password__refused_in_words(monkeypatch, password):
    monkeypatch.setattr("sys.stdin", StringIO(f"{password}\n"))

    with pytest.raises(CommandError, match="password"):
        call_command("create_login", "ada", stdout=StringIO())

    assert not get_user_model().objects.exists()
