"""Every address asks who is there: a new page or endpoint is closed unless it stands on the list here."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import get_converters

OPEN = {
    "/login",
    "/health",
    "/oidc/login",
    "/oidc/callback",
    "/shared/some-text/",
    "/shared/some-text/report.pdf",
}
"""Links of reports that somebody shared are open to whoever has them, which tests/apps/report/test_shares.py
holds to one report each."""
SAMPLES = {
    "hash": "0123456789abcdef",
    "slug": "some-key",
    "int": "1",
    "str": "some-text",
    "uuid": "6f1c2d3e-0000-4000-8000-000000000000",
}
METHODS = ("get", "post", "put", "patch", "delete")


def addresses(resolver, prefix="/"):
    """Every address the site knows, with sample values for its variable parts."""
    for entry in resolver.url_patterns:
        path = prefix + filled(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from addresses(entry, path)
        elif isinstance(entry, URLPattern):
            yield path


def filled(pattern):
    text = str(pattern)
    kinds = {type(converter): kind for kind, converter in get_converters().items()}
    for name, converter in pattern.converters.items():
        kind = kinds[type(converter)]
        text = text.replace(f"<{kind}:{name}>", SAMPLES[kind]).replace(f"<{name}>", SAMPLES[kind])
    return text


ADDRESSES = sorted(set(addresses(get_resolver())))


def test_addresses__all__found():
    assert len(ADDRESSES) > 40
    assert set(ADDRESSES) >= OPEN


@pytest.mark.django_db
@pytest.mark.parametrize("address", [address for address in ADDRESSES if address not in OPEN])
def test_address__nobody_logged_in__nothing_to_see_and_nothing_done(client, address):
    for method in METHODS:
        answer = getattr(client, method)(address)

        to_login = answer.status_code == 302 and answer.url.startswith("/login")
        assert to_login or answer.status_code in {401, 403, 405}, (method, answer.status_code)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer x", "bearer hw_admin_x_y", "Basic YTpi", "Token a b c"]
)
def test_api__malformed_credentials__401(client, header):
    answer = client.get("/api/v1/metrics", headers={"authorization": header})

    assert answer.status_code in {401, 403}
    assert answer.headers["Content-Type"] == "application/problem+json"
