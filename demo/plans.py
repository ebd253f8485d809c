"""The experiments of the demonstration as their owner would write them: plans and the metrics bound to them.

Plain data in the words of `experiments.drafts`; nothing here is stored or computed.
"""

from pathlib import Path
from typing import Any

from demo import bandit, shop

METRICS = Path(__file__).parent / "metrics"
OWNER = "demo"
ENVIRONMENT = "production"
TEAM, SURFACE = "shop", "home"
CLICK_RATE = "recommendation-click-rate"
ORDERS = "orders-per-visitor"
LATENCY = "home-latency-p95"


def bandit_plan(campaign: str) -> dict[str, Any]:
    """One campaign: random recommendations against a policy that learns; read once, at its end."""
    key = bandit.experiment_key(campaign)
    return {
        "title": f"Recommendations that learn, campaign {campaign}",
        "owner": OWNER,
        "flag": key,
        "environment": ENVIRONMENT,
        "unit_type": bandit.UNIT_TYPE,
        "assigned_here": False,
        "hypothesis": {
            "change": "Choose recommendations by Bernoulli Thompson sampling instead of at random",
            "audience": f"impressions of the campaign {campaign}",
            "metric": CLICK_RATE,
            "direction": "up",
            "expected": {"value": 0.1, "relative": True},
            "mechanism": "items that were clicked more often are shown more often",
            "refuted_if": "clicks do not rise within the week",
        },
        "arms": [_arm("random", role="control"), _arm("bts", role="treatment")],
        "inference": "fixed",
        "looks": 1,
        "min_days": 7,
        "max_days": 7,
        "planned_units": 10_000,
        "dimensions": ["position"],
    }


BANDIT_METRICS: tuple[dict[str, Any], ...] = ({"metric": CLICK_RATE, "role": "primary"},)


def shop_plan() -> dict[str, Any]:
    """Recommendations on the shop's home page, which cost an extra call."""
    return {
        "title": "Recommendations on the home page",
        "owner": OWNER,
        "flag": shop.FLAG,
        "environment": ENVIRONMENT,
        "unit_type": shop.UNIT_TYPE,
        "hypothesis": {
            "change": "Show recommendations on the home page",
            "audience": "all visitors of the shop",
            "metric": ORDERS,
            "direction": "up",
            "expected": {"value": 0.02, "relative": True},
            "mechanism": "visitors find what they look for sooner",
            "refuted_if": "orders do not rise within two weeks",
        },
        "arms": [_arm("control", role="control"), _arm("treatment", role="treatment")],
        "inference": "always_valid",
        "min_days": 7,
        "max_days": shop.DAYS,
        "planned_units": 6_000,
        "dimensions": ["system", "visitor_type"],
    }


SHOP_METRICS: tuple[dict[str, Any], ...] = (
    {"metric": ORDERS, "role": "primary"},
    {"metric": "product-pages-per-visitor", "role": "success"},
    {"metric": LATENCY, "role": "guardrail"},
    {"metric": "visits-of-one-page", "role": "guardrail"},
    {"metric": "slow-home-pages", "role": "guardrail", "blocking": False},
)


def _arm(variant: str, *, role: str) -> dict[str, Any]:
    """An arm that is called as its variant and gets half of the units."""
    return {"key": variant, "variant": variant, "weight_ppm": 500_000, "role": role}
