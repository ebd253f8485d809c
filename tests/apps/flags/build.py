"""Deterministic flags, environments, layers and keys with keyword overrides."""

from datetime import UTC, datetime

from flags import queries, services
from flags.models import Environment

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def environment(key="production", is_production=True):
    found = Environment.objects.filter(key=key).first()
    if found is not None:
        return found
    return services.create_environment(key=key, is_production=is_production, actor="ada", now=NOW)


def key(**overrides):
    environment()
    wanted = {"environment": "production", "name": "checkout service", "scope": "server"} | overrides
    return services.create_key(**wanted, actor="ada", now=NOW)


def layer(**overrides):
    return services.create_layer(**{"key": "checkout-page", "actor": "ada", "now": NOW} | overrides)


def live(flag, environment="production"):
    """The definition in force."""
    return queries.live_version(queries.flag(flag), queries.environment(environment))
