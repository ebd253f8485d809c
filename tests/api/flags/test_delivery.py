# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""What SDKs download: the published document, an ETag, 304 while it is the same, and who may read it."""

import gzip
from datetime import timedelta

import brotli
import pytest
from psycopg import OperationalError

from flags import keys, seen, services
from headway.evaluation import compile_config
from tests.api.events.calling import Caller
from tests.apps.flags.build import BY, NOW, draft, environment, flag, key, published, split

pytestmark = pytest.mark.django_db(transaction=True)
CONFIG = "/sdk/v1/config"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def edge():
    environment()
    with Caller() as caller:
        yield caller


def config(edge, secret, **headers):
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    return edge.call("GET", CONFIG, headers={"authorization": f"Bearer {secret}", **asked})


def test_config__published_flag__what_the_sdk_compiles(edge):
    flag()
    published([split(1_000_000)])
    _, secret = key()

    answer = config(edge, secret)

    served = compile_config(answer.json)
    assert (answer.status, served.environment) == (200, "production")
    assert served.evaluate("checkout", "u1").reason == "SPLIT"
    assert answer.headers["x-headway-config-version"] == str(served.version)


def test_config__same_etag__304_until_something_is_published(edge):
    flag()
    _, secret = key()
    etag = config(edge, secret).headers["etag"]

    assert config(edge, secret, if_none_match=etag).status == 304
    assert etag.startswith('W/"')
    assert config(edge, secret, if_none_match=f'{etag.removeprefix("W/")}, "other"').status == 304
    services.switch_off(flag="checkout", environment="production", reason="slow", **BY)

    again = config(edge, secret, if_none_match=etag)
    assert again.status == 200
    assert again.json["flags"]["checkout"]["on"] is False


def test_config__gzip_accepted__same_content_smaller(edge):
    flag()
    _, secret = key()

    packed = config(edge, secret, accept_encoding="gzip")

    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == config(edge, secret, accept_encoding="gzip;q=0").body


def test_config__draft_saved__not_served(edge):
    flag()
    _, secret = key()
    before = config(edge, secret).headers["etag"]

    services.create_segment(key="beta", **BY)
    draft([split()])

    assert config(edge, secret).headers["etag"] == before


@pytest.mark.parametrize(
    ("scope", "status"), [("server", 200), ("client", 403), ("ingest", 403), ("read", 403), ("admin", 403)]
)
def test_config__scope__only_servers_see_rules(edge, scope, status):
    _, secret = key(scope=scope)

    assert config(edge, secret).status == status


def test_config__other_environment__its_own_document(edge):
    environment("staging", is_production=False)
    _, secret = key(environment="staging")

    assert config(edge, secret).json["environment"] == "staging"


@pytest.mark.parametrize("secret", ["", "nonsense", "hw_server_abcdefgh_" + "x" * 43])
def test_config__no_key__401_as_problem(edge, secret):
    answer = config(edge, secret)

    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_config__revoked_key__401_for_a_new_process(edge):
    made, secret = key()
    services.revoke_key(prefix=made.prefix, **BY)

    assert config(edge, secret).status == 401


def test_config__brotli_accepted__same_content_smaller(edge):
    flag()
    _, secret = key()

    packed = config(edge, secret, accept_encoding="gzip, deflate, br")

    assert packed.headers["content-encoding"] == "br"
    assert brotli.decompress(packed.body) == config(edge, secret).body
    assert config(edge, secret, accept_encoding="br;q=0, gzip").headers["content-encoding"] == "gzip"


def test_config__headers__a_cache_may_keep_it_apart_for_each_key_and_serve_it_in_an_outage(edge):
    _, secret = key()

    answer = config(edge, secret)

    directives = answer.headers["cache-control"]
    assert answer.headers["vary"] == "authorization, accept-encoding"
    assert {"public", "max-age=0", "s-maxage=5"} <= set(directives.split(", "))
    assert "stale-if-error=86400" in directives
    assert "no-store" in config(edge, "nonsense").headers["cache-control"]


def test_config__signature__of_the_plain_body_with_the_environments_key(edge):
    flag()
    _, secret = key()
    signing_key = services.signing_key(environment="production")

    plain, packed = config(edge, secret), config(edge, secret, accept_encoding="gzip")

    assert plain.headers["x-headway-signature"] == keys.signature(signing_key, plain.body)
    assert packed.headers["x-headway-signature"] == plain.headers["x-headway-signature"]
    assert keys.signature(signing_key, plain.body + b" ") != plain.headers["x-headway-signature"]


def test_config__database_away__served_from_memory_to_keys_that_are_known(edge, monkeypatch):
    flag()
    _, secret = key()
    body = config(edge, secret).body
    _, stranger = key()

    monkeypatch.setattr(edge.edge._pool, "connection", _away)
    monkeypatch.setattr("flags.delivery.KEY_TRUSTED_FOR", timedelta(0))

    assert config(edge, secret).body == body
    assert config(edge, stranger).status == 503
    assert edge.call("POST", "/ofrep/v1/evaluate/flags/checkout", b"{}", bearer(secret)).status == 200
    monkeypatch.setattr("flags.delivery.KEY_TRUSTED_IN_AN_OUTAGE", timedelta(0))
    assert config(edge, secret).status == 503


def _away(*_, **__):
    raise OperationalError("no connection")


def bearer(secret):
    return {"authorization": f"Bearer {secret}"}


def test_seen__flags_of_an_sdk__known_after_it_was_written_down(edge):
    flag()
    flag("other")
    _, secret = key(scope="client")

    told = edge.call("POST", "/sdk/v1/seen", b'{"flags": ["checkout", "made-up"]}', bearer(secret))
    edge.runner.run(edge.edge._sightings.write(NOW))
    edge.call("POST", "/ofrep/v1/evaluate/flags/other", b"{}", bearer(key()[1]))
    edge.call("POST", "/ofrep/v1/evaluate/flags", b"{}", bearer(key()[1]))
    edge.runner.run(edge.edge._sightings.write(LATER))

    assert told.status == 202
    assert seen.last_seen("production", ["checkout", "other", "made-up"]) == {"checkout": NOW, "other": LATER}
    assert seen.counted_since("production") == NOW


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"flags": "x"}', b'{"flags": ["a\\u0000"]}', b"[" * 10**5]
)
def test_seen__not_understood__400(edge, body):
    assert edge.call("POST", "/sdk/v1/seen", body, bearer(key()[1])).status == 400
    assert edge.call("POST", "/sdk/v1/seen", b'{"flags": []}', bearer(key(scope="ingest")[1])).status == 403
