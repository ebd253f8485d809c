"""Deterministic flags, environments, layers and keys with keyword overrides."""

import json
from datetime import UTC, datetime

from flags import queries, services
from flags.models import Environment

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HALF = [("off", 500_000), ("on", 500_000)]
BY: dict = {"actor": "ada", "now": NOW}


def environment(key="production", is_production=True):
    found = Environment.objects.filter(key=key).first()
    if found is not None:
        return found
    return services.create_environment(key=key, is_production=is_production, **BY)


def key(**overrides):
    environment()
    wanted = {"environment": "production", "name": "checkout service", "scope": "server"} | overrides
    return services.create_key(**wanted, **BY)


def layer(**overrides):
    return services.create_layer(**{"key": "checkout-page", "actor": "ada", "now": NOW} | overrides)


def flag(key="checkout", value_type="bool", **overrides):
    """A flag that is live in production and serves "off" to everybody."""
    environment()
    return services.create_flag(**{"key": key, "value_type": value_type, **BY} | overrides)


def live(flag="checkout", environment="production"):
    """The version in force."""
    return queries.live_version(queries.flag(flag), queries.environment(environment))


def definition(flag="checkout", environment="production"):
    return live(flag, environment).definition


def split(coverage_ppm=100_000, **changes):
    """A rule without id and salts, as a person writes it."""
    arms = [["off", 500_000], ["on", 500_000]]
    return {"split": {"coverage_ppm": coverage_ppm, "arms": arms}, **changes}


def draft(rules=(), flag="checkout", environment="production", **changes):
    """Save a draft: what is live with other rules."""
    changed = {**definition(flag, environment), "rules": list(rules), **changes}
    return services.save_draft(flag=flag, environment=environment, definition=changed, **BY)


def published(rules=(), flag="checkout", environment="production", reason="", **changes):
    """Save and publish."""
    saved = draft(rules, flag, environment, **changes)
    return services.publish(flag=flag, environment=environment, version=saved.number, reason=reason, **BY)


def document(environment="production"):
    """The configuration document as an SDK reads it."""
    found = queries.config_document(queries.environment(environment))
    return json.loads(bytes(found.body))


def rules_form(**changes):
    """What the browser posts for the definition in force."""
    content = definition()
    parts = {name: json.dumps(content[name]) for name in ("variants", "rules", "forced", "prerequisites")}
    return {
        "default": content["default"],
        "off": content["off"],
        "environment": "production",
        **parts,
        **changes,
    }
