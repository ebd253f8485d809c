"""Logging in at an OpenID Connect provider that really answers, signs and checks PKCE."""

import http.client
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone
from joserfc import jwk

from config import environment
from config.environment import SingleSignOn
from ledger import queries as ledger_queries
from organisation import queries, services
from tests.apps.site.provider import CLIENT, SECRET, Provider

pytestmark = pytest.mark.django_db
ROLES = (("web", "experimenter"), ("perf", "reviewer:performance"), ("ops", "admin"))


@pytest.fixture
def provider():
    running = Provider()
    yield running
    running.stop()


@pytest.fixture
def site(provider, settings):
    def with_roles(*roles):
        settings.HEADWAY_SINGLE_SIGN_ON = SingleSignOn(provider.issuer, CLIENT, SECRET, roles=roles)

    settings.HEADWAY_WEB_URL = "http://testserver"
    with_roles()
    return with_roles


def to_provider(client, there=""):
    """Where the site sends the browser."""
    answer = client.get("/oidc/login", {"next": there} if there else {})
    assert answer.status_code == 302, answer.content.decode()
    return answer.url


def back(address):
    """The provider's own answer: where it sends the browser."""
    parts = urlsplit(address)
    asked = http.client.HTTPConnection(parts.netloc, timeout=10)
    asked.request("GET", f"{parts.path}?{parts.query}")
    there = asked.getresponse().headers["Location"]
    asked.close()
    return there


def log_in(client, there=""):
    return client.get(back(to_provider(client, there)))


def me(client):
    answer = client.get("/")
    return answer.context["user"].get_username() if answer.status_code == 200 else None


def test_first_time__account_made_without_a_password_and_on_record(client, site):
    answer = log_in(client, "/flags/")

    assert (answer.status_code, answer.url) == (302, "/flags/")
    assert me(client) == "eva"
    assert not get_user_model().objects.get().has_usable_password()
    assert {row.action for row in ledger_queries.audit_of("login:eva")} == {"login.created", "login.linked"}


def test_second_time__another_name_there__same_account_here(client, site, provider):
    log_in(client)
    client.logout()
    provider.person["preferred_username"] = "eva-maria"

    log_in(client)

    assert me(client) == "eva"
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_afterwards__to_another_site__home_instead(client, site, there):
    assert log_in(client, there).url == "/"


def test_name__of_an_account_with_a_password__refused_until_an_operator_links_it(client, site):
    get_user_model().objects.create_user("eva", password="correct horse battery")

    refused = log_in(client)

    assert refused.status_code == 403
    assert "manage.py link_login eva" in refused.content.decode()
    assert me(client) is None
    call_command("link_login", "eva", stdout=StringIO())
    log_in(client)
    assert me(client) == "eva"


def test_name__taken_over_by_somebody_else_at_the_provider__refused(client, site, provider):
    log_in(client)
    client.logout()
    provider.person["sub"] = "u-2"

    assert log_in(client).status_code == 403
    assert me(client) is None


def test_account__closed_here__refused(client, site):
    log_in(client)
    client.logout()
    get_user_model().objects.update(is_active=False)

    assert "closed here" in log_in(client).content.decode()


@pytest.mark.parametrize(
    "spoil",
    [
        {"claims": {"nonce": "another"}},
        {"claims": {"aud": "somebody-else"}},
        {"claims": {"iss": "https://evil.example"}},
        {"claims": {"exp": 1}},
        {"key": jwk.RSAKey.generate_key(2048, {"kid": "one"})},
        {"metadata": {"issuer": "https://evil.example"}},
        {"claims": {"preferred_username": ""}},
        {"claims": {"preferred_username": "key:1"}},
        {"claims": {"preferred_username": "Clock"}},
    ],
    ids=[
        *("nonce", "audience", "issuer", "expired", "signature", "other provider", "no name"),
        *("name of a key", "name of the clock"),
    ],
)
def test_answer__that_does_not_hold__nobody_is_logged_in(client, site, provider, spoil):
    provider.spoil = spoil

    assert log_in(client).status_code == 403
    assert me(client) is None
    assert not get_user_model().objects.exists()


def test_callback__state_of_another_browser__refused(client, site):
    address = back(to_provider(client))
    client.cookies.clear()

    refused = client.get(address)

    assert refused.status_code == 403
    assert "begun in another browser" in refused.content.decode()


def test_provider__away__said_and_not_500(client, site, provider):
    site_address = provider.issuer
    provider.stop()

    answer = client.get("/oidc/login")

    assert answer.status_code == 502
    assert site_address not in answer.content.decode()


def test_groups__bring_roles_and_take_them_back__what_people_gave_stays(client, site, provider):
    people = get_user_model().objects
    people.create_superuser("root")
    site(*ROLES)
    provider.person["groups"] = ["web", "perf", "unknown"]
    log_in(client)
    services.grant(user="eva", role="metric_owner", actor="root", now=timezone.now())
    client.logout()
    provider.person["groups"] = ["perf"]

    log_in(client)

    assert {(row.role, row.discipline) for row in queries.grants("eva")} == {
        ("metric_owner", ""),
        ("reviewer", "performance"),
    }


def test_site_without_a_provider__no_such_address_and_no_button(client):
    assert client.get("/oidc/login").status_code == 404
    assert "/oidc/login" not in client.get("/login").content.decode()


def test_link_login__nobody_of_that_name__said():
    with pytest.raises(CommandError, match="no account 'eva'"):
        call_command("link_login", "eva")


BASE = {"DATABASE_URL": "postgresql://x@y/z", "REDIS_URL": "redis://x", "HEADWAY_SECRET_KEY": "x" * 50}
SET = {"HEADWAY_OIDC_CLIENT_ID": "headway", "HEADWAY_OIDC_CLIENT_SECRET": "x"}


def test_environment__roles_of_groups__read_as_pairs():
    variables = {
        **BASE,
        **SET,
        "HEADWAY_OIDC_ISSUER": "https://id.example.com/",
        "HEADWAY_OIDC_ROLES": "cn=web=admin, b=c",
    }

    found = environment.read(variables).single_sign_on

    assert found.issuer == "https://id.example.com"
    assert found.roles == (("cn=web", "admin"), ("b", "c"))


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HEADWAY_OIDC_ISSUER": "http://id.example.com", **SET}, "https://"),
        ({"HEADWAY_OIDC_ISSUER": "https://id.example.com"}, "HEADWAY_OIDC_CLIENT_ID"),
        ({"HEADWAY_OIDC_ISSUER": "https://id.example.com", **SET, "HEADWAY_OIDC_ROLES": "web"}, "pairs"),
    ],
)
def test_environment__half_of_it__named_with_the_fix(variables, said):
    with pytest.raises(environment.BadEnvironment, match=said):
        environment.read({**BASE, **variables})
