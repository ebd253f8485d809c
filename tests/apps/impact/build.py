"""A surface with a value model and findings of each grade."""

from datetime import UTC, date, datetime

from impact import services
from impact.grades import Design, Kind
from organisation import services as organisation

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
BY = {"actor": "ada", "now": NOW}
BY_BEA = {"actor": "bea", "now": NOW}
RANDOMISED = Design(Kind.ABLATION)
COMPARED = Design(Kind.NATURAL, has_comparison=True, placebos=80, was_parallel=True)
OBSERVED = Design(Kind.OBSERVATION)


def surface(key="checkout"):
    if key == "checkout":
        organisation.create_team(key="shop", name="Shop", owner="ada", **BY)
    return organisation.create_surface(key=key, name=key.capitalize(), team="shop", owner="ada", **BY)


def value(**facts):
    return services.set_value(
        **{
            "surface": "checkout",
            "currency": "EUR",
            "revenue_minor": 40_000_000_00,
            "surface_share": 0.5,
            "revenue_error": 0.05,
            "outcome": "conversion",
            "outcome_level": 0.05,
            "source": "annual report",
            **BY,
            **facts,
        }
    )


def finding(design=RANDOMISED, **facts):
    return services.record(
        **{
            "surface": "checkout",
            "title": "Delay in March",
            "outcome": "conversion",
            "design": design,
            "per_100_ms": -0.003,
            "standard_error": 0.0005,
            "began_on": date(2026, 2, 1),
            "ended_on": date(2026, 2, 21),
            "units": 1_200_000,
            "method": "GLS",
            **BY,
            **facts,
        }
    )


def accepted(design=RANDOMISED, **facts):
    return services.accept(id=finding(design, **facts).id, **BY_BEA)


def published(**facts):
    """A ratio in force."""
    surface()
    value()
    accepted(**facts)
    draft = services.draft_ratio(surface="checkout", baseline_ms=800.0, **BY)
    return services.publish_ratio(surface="checkout", number=draft.number, **BY_BEA)
