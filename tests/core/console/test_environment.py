"""Reading the environment: what is missing or wrong is named with its fix."""

import pytest

from config import environment
from config.environment import BadEnvironment

GOOD = {
    "DATABASE_URL": "postgresql://ada:p%40ss@db.example.com:6432/headway?sslmode=require",
    "REDIS_URL": "redis://redis.example.com:6379/0",
    "HEADWAY_SECRET_KEY": "s" * 50,
}


def test_read__complete__parsed():
    found = environment.read({**GOOD, "HEADWAY_WEB_URL": "https://headway.example.com/"})

    assert found.web_url == "https://headway.example.com"
    assert found.allowed_hosts == ("headway.example.com", "127.0.0.1", "localhost")
    assert not found.is_embedded
    assert not found.is_debug


@pytest.mark.parametrize("name", GOOD)
def test_read__required_variable_missing__named_with_an_example(name):
    without = {key: value for key, value in GOOD.items() if key != name}

    with pytest.raises(BadEnvironment, match=f"{name} is not set.*for example {name}="):
        environment.read(without)


def test_read__short_secret__refused_with_a_way_to_make_one():
    with pytest.raises(BadEnvironment, match=r"has 7 characters.*token_urlsafe"):
        environment.read({**GOOD, "HEADWAY_SECRET_KEY": "default"})


def test_read__embedded_servers_on_a_public_address__refused():
    public = {**GOOD, "HEADWAY_EMBEDDED": "1", "HEADWAY_WEB_URL": "https://headway.example.com"}

    with pytest.raises(BadEnvironment, match="for this machine only"):
        environment.read(public)


def test_django_database__address__taken_apart():
    database = environment.django_database(GOOD["DATABASE_URL"])

    assert database["PASSWORD"] == "p@ss"
    assert database["PORT"] == "6432"
    assert database["OPTIONS"] == {"connect_timeout": 3, "sslmode": "require"}
    assert database["CONN_HEALTH_CHECKS"] is True


@pytest.mark.parametrize("url", ["sqlite:///db.sqlite3", "mysql://a:b@c/d", "postgresql://host:5432"])
def test_django_database__not_postgresql_or_no_name__refused(url):
    with pytest.raises(BadEnvironment, match="Headway runs on PostgreSQL"):
        environment.django_database(url)


@pytest.mark.parametrize(("text", "rate"), [("", 3_000), ("0", 0), ("600", 600)])
def test_read__requests_a_minute__counted(text, rate):
    assert environment.read({**GOOD, "HEADWAY_API_RATE": text}).api_rate == rate


def test_read__requests_a_minute_in_words__refused_with_an_example():
    with pytest.raises(BadEnvironment, match=r"HEADWAY_API_RATE is 'many'.*HEADWAY_API_RATE=3000"):
        environment.read({**GOOD, "HEADWAY_API_RATE": "many"})
