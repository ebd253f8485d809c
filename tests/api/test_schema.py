"""The API describes itself completely."""

import pytest
from django.contrib.auth import get_user_model
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


@pytest.fixture
def schema():
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        return SchemaGenerator().get_schema(request=None, public=True)


def test_schema__generated__no_warning_no_error(schema):
    assert dict(GENERATOR_STATS._warn_cache) == {}
    assert dict(GENERATOR_STATS._error_cache) == {}


def test_schema__generated__valid_openapi(schema):
    validate_schema(schema)


def test_schema__every_operation__asks_for_a_login_or_a_key(schema):
    open_to_all = [
        f"{method} {path}"
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if {} in operation.get("security", [{}])
    ]

    assert open_to_all == []


@pytest.mark.django_db
def test_schema__address__needs_a_login_and_answers(client):
    assert client.get("/api/v1/schema").status_code in {302, 401, 403}

    client.force_login(get_user_model().objects.create_user("ada"))

    assert client.get("/api/v1/schema").status_code == 200
