"""Every operation of the API, by its address: hostile input is refused in words; scopes and roles hold."""

import json
from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.urls import get_resolver

from config.permissions import named_right
from config.reference import METHODS
from flags import services as flag_services
from ledger import queries as ledger_queries
from organisation import services as organisation_services
from organisation.roles import RIGHTS, Right, Role
from tests.api.test_closed import SAMPLES, addresses

pytestmark = pytest.mark.django_db
BY = {"actor": "root", "now": datetime(2026, 3, 2, tzinfo=UTC)}
API = sorted({path for path in addresses(get_resolver()) if path.startswith("/api/v1/")})
CHANGES = ("post", "put", "patch", "delete")
DEEP = "[" * 5_000 + "]" * 5_000
HOSTILE = {
    "empty": b"",
    "not json": b"{",
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "deep": DEEP.encode(),
    "nul": b'{"key": "a\\u0000b", "reason": "\\u0000"}',
    "surrogate": b'{"key": "\\ud800", "name": "\\ud800"}',
    "nan": b'{"value": NaN}',
    "infinite": b'{"value": 1e999}',
    "huge number": b'{"value": ' + b"9" * 5_000 + b"}",
    "not utf-8": b'{"key": "\xff\xfe"}',
    "types": json.dumps(
        {name: {"$gt": ""} for name in ("key", "name", "reason", "text", "owner", "events")}
    ).encode(),
    "numbers": json.dumps(
        dict.fromkeys(["key", "name", "reason", "text", "owner", "environment"], 7)
    ).encode(),
    "lists": json.dumps(
        {name: [[1]] for name in ("key", "name", "reason", "text", "value", "seen")}
    ).encode(),
}
"""Bodies that broke comparable products, or plain frameworks."""
QUERIES = (
    "?cursor=%ff",
    "?page=-1&page_size=1e9&order=password",
    "?search=%27%3B--&state=%5B%5D",
    "?cursor=x",
)


@pytest.fixture
def ada(client):
    client.force_login(get_user_model().objects.create_user("ada"))
    client.raise_request_exception = False
    return client


def call(client, method, path, body=b"{}", **headers):
    return client.generic(method.upper(), path, body, content_type="application/json", headers=headers)


def taken(client, path):
    """The methods that the address takes."""
    allowed = client.generic("OPTIONS", path).headers.get("Allow", "")
    return [method for method in METHODS if method.upper() in allowed]


@pytest.mark.parametrize("path", API)
def test_operation__hostile_body__refused_as_a_problem_and_nothing_breaks(ada, path):
    for method in set(taken(ada, path)) & set(CHANGES):
        for name, body in HOSTILE.items():
            answer = call(ada, method, path, body)

            assert answer.status_code < 500, (method, name, answer.content[:300])
            if answer.status_code >= 400:
                assert answer.headers["Content-Type"] == "application/problem+json", (method, name)


@pytest.mark.parametrize("path", API)
def test_operation__hostile_query__answered_without_breaking(ada, path):
    for query in QUERIES:
        answer = ada.get(f"{path}{query}")

        assert answer.status_code < 500, (query, answer.content[:300])
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json", query


@pytest.mark.parametrize(
    "sample", ["..%2f..%2fetc", "%ff", "a" * 8_000, "99999999999999999999", "-1", "%E2%80%AE"]
)
def test_operations__hostile_part_of_an_address__not_found(ada, sample):
    for path in API:
        for given in SAMPLES.values():
            if f"/{given}" in path:
                answer = ada.get(path.replace(f"/{given}", f"/{sample}"))
                assert answer.status_code < 500, (path, answer.content[:300])


@pytest.fixture
def keys():
    """A key of every scope, for another environment than the one the addresses name."""
    flag_services.create_environment(key="staging", **BY)
    scopes = ("admin", "read", "server", "client", "ingest")
    return {
        scope: flag_services.create_key(name=scope, scope=scope, environment="staging", **BY)[1]
        for scope in scopes
    }


def test_keys__of_each_scope__reading_for_two_and_changing_for_one(client, keys):
    client.raise_request_exception = False

    def lets_in(scope, method):
        bearer = {"authorization": f"Bearer {keys[scope]}"}
        body = b"" if method == "get" else b"{}"
        answers = (call(client, method, path, body, **bearer) for path in API)
        return any(answer.status_code not in (401, 403, 405) for answer in answers)

    reading = {scope for scope in keys if lets_in(scope, "get")}
    changing = {scope for scope in keys if lets_in(scope, "post")}

    assert (reading, changing) == ({"admin", "read"}, {"admin"})


def test_admin_key__of_another_environment__changes_nothing_here(client, keys):
    flag_services.create_environment(key="some-key", **BY)
    before = ledger_queries.last_audit_id()
    bearer = {"authorization": f"Bearer {keys['admin']}"}
    foreign = [path for path in API if "/environments/some-key" in path]
    assert len(foreign) > 10

    for path in foreign:
        for method in CHANGES:
            assert call(client, method, path, **bearer).status_code in (400, 403, 404, 405, 422), (
                method,
                path,
            )

    assert ledger_queries.last_audit_id() == before


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.REVIEWER])
def test_role__at_every_operation__refused_exactly_where_its_rights_end(client, role):
    people = get_user_model().objects
    people.create_superuser("root")
    people.create_user("eva")
    organisation_services.grant(user="root", role="admin", **BY)
    organisation_services.grant(user="eva", role=role.value, **BY)
    client.force_login(people.get(username="eva"))
    client.raise_request_exception = False
    wrong = []

    for path in API:
        right = named_right(get_resolver().resolve(path).route) or Right.ADMINISTER
        is_allowed = right is Right.LOOK or right in RIGHTS[role]
        refused = b"This needs one of the roles" in call(client, "post", path).content
        if refused is is_allowed:
            wrong.append((path, right))

    assert wrong == []
