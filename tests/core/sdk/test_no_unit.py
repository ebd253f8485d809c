"""A rule that takes nobody, or everybody into one arm, decides the same for all, so it needs no unit."""

import pytest

from headway.evaluation import compile_config
from tests.core.sdk.build import document, flag, split


@pytest.mark.parametrize("unit", [None, ""])
@pytest.mark.parametrize(("coverage_ppm", "variant"), [(0, "control"), (1_000_000, "treatment")])
def test_invariant_21__rule_of_0_or_100_percent__decides_without_a_unit(unit, coverage_ppm, variant):
    rule = split(coverage_ppm, arms=[["treatment", 1_000_000]])
    config = compile_config(document({"f": flag([rule])}))

    assert config.evaluate("f", unit).variant == variant
