"""Experiments in the database for tests, assigned by another system unless said otherwise."""

from datetime import UTC, datetime

from experiments import services
from metrics import services as metric_services
from tests.apps.metrics.texts import metric_text

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEY = "checkout-prefetch"
MARGIN = {"value": 0.02, "relative": True}
ARMS: list = [
    {"key": "control", "variant": "off", "weight_ppm": 500_000, "role": "control"},
    {"key": "treatment", "variant": "on", "weight_ppm": 500_000},
]
HYPOTHESIS = {
    "change": "Prefetch payment methods",
    "audience": "signed-in users",
    "metric": "orders",
    "direction": "up",
    "expected": {"value": 0.01, "relative": True},
    "mechanism": "the last step opens faster",
    "refuted_if": "orders do not rise by 1 %",
}


def metrics():
    """orders (up) and errors (down), both beta."""
    beta = 'tier = "beta"\n'
    texts = {
        "orders.toml": metric_text("orders", extra=f"{beta}gain = {{ value = 0.01, relative = true }}"),
        "errors.toml": metric_text(
            "errors", direction="down", extra=f"{beta}margin = {{ value = 0.05, relative = true }}"
        ),
    }
    metric_services.load_definitions(texts=texts, actor="rosa", now=NOW)


def content(**changes):
    return {
        "title": "Prefetch payment methods",
        "flag": "checkout-prefetch",
        "assigned_here": False,
        "arms": ARMS,
        "hypothesis": HYPOTHESIS,
        "planned_units": 10_000,
        **changes,
    }


def drafted(key=KEY, **changes):
    """A complete draft with a primary metric and a guardrail."""
    metrics()
    experiment = services.create(key=key, content=content(**changes), actor="rosa", now=NOW)
    for bound in ({"metric": "orders", "role": "primary"}, {"metric": "errors", "role": "guardrail"}):
        services.bind_metric(key=key, content=bound, actor="rosa", now=NOW)
    return experiment


def started(key=KEY, *, now=NOW, **changes):
    drafted(key, **changes)
    return services.start(key=key, actor="rosa", now=now)


def stopped(key=KEY, *, now=NOW, **changes):
    started(key, now=now, **changes)
    return services.stop(key=key, reason="enough data", actor="rosa", now=now)
