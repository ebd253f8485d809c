# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""What SDKs download: the published document, an ETag, 304 while it is the same, and who may read it."""

import gzip

import pytest

from flags import services
from headway.evaluation import compile_config
from tests.api.events.calling import Caller
from tests.apps.flags.build import BY, draft, environment, flag, key, published, split

pytestmark = pytest.mark.django_db(transaction=True)
CONFIG = "/sdk/v1/config"


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
    assert config(edge, secret, if_none_match=f'W/{etag}, "other"').status == 304
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
