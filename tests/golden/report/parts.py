"""What several edge cases of the report are made of."""

from datetime import UTC, date, datetime

from analysis.report.facts import (
    ArmFacts,
    CalibrationFacts,
    CurveFacts,
    CurvePoint,
    MoneyRange,
    SliceFacts,
    SliceScanFacts,
    WorthFacts,
)
from experiments.plan import Role
from tests.core.report.build import (
    CHECKOUT,
    binding,
    comparison,
    definition,
    metric,
)

CREATED = datetime(2026, 3, 4, 9, 7, tzinfo=UTC)
WORTH = WorthFacts(
    currency="USD",
    measured=MoneyRange(21_000_000, 108_000_000),
    modelled=MoneyRange(-88_000_000, -31_000_000),
    model="speed ratio v7",
    valid_until=date(2026, 6, 30),
)
CALIBRATED = CalibrationFacts(
    "orders", 28, 5600, 0.05, 0.0489, (0.0403, 0.0593), 0.9511, (0.9407, 0.9597), True
)
OFF = {
    "metric": "checkout-p95",
    "false_positive_share": 0.081,
    "false_positive_band": (0.0698, 0.0938),
    "coverage_share": 0.919,
    "coverage_band": (0.9062, 0.9302),
    "is_within": False,
}


def curve(metric_key="checkout-p95", scale=1.0, arm="treatment"):
    effects = {0.5: (-6, 2), 0.75: (4, 3), 0.9: (21, 6), 0.95: (42, 8.5), 0.99: (120, 31)}
    control = {0.5: 310.0, 0.75: 488.0, 0.9: 690.0, 0.95: 812.0, 0.99: 1420.0}
    points = tuple(
        CurvePoint(share, control[share], control[share] + at * scale, comparison(at * scale, error * scale))
        for share, (at, error) in effects.items()
    )
    return CurveFacts(metric_key, arm, points)


def scan(of=CHECKOUT, *, harm=True):
    levels = {"android low-end": (131, 22), "android": (21, 9), "ios": (3, 8), "desktop": (9, 7)}
    slices = [
        SliceFacts(
            metric=of.metric,
            arm="treatment",
            dimension="device",
            level=level,
            units=units,
            difference=comparison(at if harm else at / 20, error),
            adjusted_p=0.0002 if at > 100 and harm else 0.31,
            flagged=at > 100 and harm,
        )
        for (level, (at, error)), units in zip(
            levels.items(), (31_200, 118_400, 96_700, 166_000), strict=True
        )
    ]
    return SliceScanFacts(tuple(slices), smallest_detectable=25.0, detectable_metric=of.metric)


def monitored(number):
    names = ("Add to cart", "Searches per user", "Time on page", "Returns", "Support contacts")
    return [
        metric(
            binding(
                definition(f"watched-{at}", names[at % 5] + (f" {at}" if at >= 5 else "")), Role.DIAGNOSTIC
            ),
            0.001 * (at - 2),
            0.002,
            control=1.2 + at,
        )
        for at in range(number)
    ]


def few(units):
    return (ArmFacts("control", units // 2), ArmFacts("treatment", units - units // 2))
