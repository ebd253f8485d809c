"""Grades, pooling, amounts and the published studies."""

from datetime import date

import pytest

from analysis.stats.impact.money import Price
from analysis.stats.results import Interval
from impact import asking, pooling, pricing, reference
from impact.grades import Design, Grade, Kind, doubts, grade_of, missing_for_b


@pytest.mark.parametrize(
    ("design", "grade"),
    [
        (Design(Kind.ABLATION), Grade.A),
        (Design(Kind.ABLATION, first_stage_ok=False), Grade.C),
        (Design(Kind.NATURAL, has_comparison=True, placebos=60, was_parallel=True), Grade.B),
        (Design(Kind.NATURAL, has_comparison=True, placebos=59, was_parallel=True), Grade.C),
        (Design(Kind.NATURAL, has_comparison=True, placebos=99, was_parallel=False), Grade.C),
        (Design(Kind.NATURAL, has_comparison=False, placebos=99, was_parallel=True), Grade.C),
        (Design(Kind.OBSERVATION, has_comparison=True, placebos=99, was_parallel=True), Grade.C),
        (Design(Kind.BORROWED), Grade.D),
    ],
)
def test_grade__of_a_design__the_best_it_deserves(design, grade):
    assert grade_of(design) is grade


def test_missing__natural_experiment_without_anything__named():
    assert len(missing_for_b(Design(Kind.NATURAL))) == 2
    assert missing_for_b(Design(Kind.NATURAL, True, 60, True)) == []


@pytest.mark.parametrize(
    ("slope", "doubted"), [(-0.003, False), (-0.039, True), (0.001, True), (-0.0001, True)]
)
def test_doubts__outside_the_band_of_randomised_studies__causes_are_listed(slope, doubted):
    assert bool(doubts(slope)) is doubted


def finding(id=1, slope=-0.003, error=0.0005, grade=Grade.A):
    return pooling.Finding(id, slope, error, grade)


def test_pool__one_study__that_study():
    found = pooling.pool([finding()])

    assert (found.per_100_ms, found.standard_error, found.weights) == (-0.003, 0.0005, {1: 1.0})


def test_pool__three_textbook_studies__equal_to_the_hand_calculation():
    # Equal errors e: Q = sum d^2 / e^2, tau2 = (Q - 2) / (3/e^2 - 1/e^2), equal weights.
    found = pooling.pool([finding(1, -0.002), finding(2, -0.003), finding(3, -0.007)])

    q = sum((s + 0.004) ** 2 for s in (-0.002, -0.003, -0.007)) / 0.0005**2
    tau2 = (q - 2) / (2 / 0.0005**2)
    assert found.per_100_ms == pytest.approx(-0.004)
    assert found.heterogeneity["q"] == pytest.approx(q)
    assert found.standard_error == pytest.approx(((0.0005**2 + tau2) / 3) ** 0.5)
    assert found.disagree


def test_pool__grades_c_and_d__left_out_and_alone_give_nothing():
    assert pooling.pool([finding(grade=Grade.C), finding(grade=Grade.D)]) is None
    assert pooling.pool([finding(1), finding(2, -0.05, 0.0001, Grade.C)]).weights == {1: 1.0}


def test_pool__a_and_b__takes_the_weaker_grade():
    assert pooling.pool([finding(1), finding(2, grade=Grade.B)]).grade is Grade.B


@pytest.mark.parametrize(
    ("minor", "currency", "words"),
    [
        (12_345_678_00, "EUR", "EUR 12 million"),
        (1_234_567_00, "EUR", "EUR 1.2 million"),
        (-45_600_00, "EUR", "EUR −46 thousand"),
        (930_00, "USD", "USD 930"),
        (99_60, "USD", "USD 100"),
        (0, "USD", "USD 0"),
        (5_000_000_000, "JPY", "JPY 5 billion"),
        (1_500_000, "KWD", "KWD 1.5 thousand"),
        (999_999_00, "EUR", "EUR 1 million"),
    ],
)
def test_money__two_significant_digits__and_the_currency_first(minor, currency, words):
    assert pricing.money(minor, currency) == words


def test_sentence__speed_up__says_brings_with_positive_bounds():
    price = Price(-120_000_00, 1, Interval(-180_000_00, -60_000_00), 0.1)

    said = pricing.sentence(
        surface="Checkout",
        ms=-100,
        price=price,
        currency="EUR",
        grade=Grade.A,
        dates="March",
        units=1_200_000,
    )

    assert said == (
        "Making Checkout 100 ms faster brings about EUR 120 thousand a year (90 % interval EUR 60 thousand "
        "to EUR 180 thousand; evidence: randomised, March, 1,200,000 users; grade A)."
    )


def test_value__relative_errors__add_in_squares():
    value = pricing.Value("EUR", 100_000_00, 0.03, 0.5, 0.04, 1.0, 0.0).per_year()

    assert value.value == 50_000_00
    assert value.standard_error == pytest.approx(50_000_00 * 0.05)


@pytest.mark.parametrize(
    ("today", "now_ms", "stale"),
    [
        (date(2026, 6, 30), None, False),
        (date(2026, 7, 1), None, True),
        (date(2026, 1, 1), 800.0, False),
        (date(2026, 1, 1), 961.0, True),
        (date(2026, 1, 1), 639.0, True),
    ],
)
def test_stale__past_its_date_or_a_fifth_away__says_why(today, now_ms, stale):
    why = pricing.is_stale(valid_until=date(2026, 6, 30), today=today, baseline_ms=800.0, now_ms=now_ms)

    assert bool(why) is stale


@pytest.mark.parametrize(
    ("share", "units"),
    [(0.02, (31e6, 4.9e6, 1.2e6)), (0.05, (12e6, 1.9e6, 0.48e6)), (0.20, (2.5e6, 0.40e6, 0.10e6))],
)
def test_smallest_studies__published_table__equal_to_two_digits(share, units):
    found = asking.smallest_studies(share)

    assert [study.units_per_arm for study in found] == pytest.approx(units, rel=0.04)


def test_smallest_studies__words__rounded_up():
    assert asking.SmallestStudy(250, 1_911_234).words.startswith("2,000,000 users in each of two arms")


@pytest.mark.parametrize(
    ("key", "percent"),
    [
        ("google-2009-weeks-1-3", -0.11),
        ("google-2009-weeks-4-6", -0.19),
        ("bing-2009", -0.23),
        ("amazon", -1.0),
        ("financial-times-2016", -0.25),
        ("telegraph", -0.22),
        ("zalando", -0.7),
        ("mobify-homepage", -1.1),
        ("akamai-2017-desktop", -1.8),
        ("akamai-2017-phone", -7.1),
        ("deloitte-2020", -8.4),
        ("google-30-results", -4.0),
    ],
)
def test_reference__published_study__its_slope_in_per_cent(key, percent):
    study = next(study for study in reference.studies() if study.key == key)

    assert study.percent_per_100_ms == pytest.approx(percent, abs=0.05)


def test_reference__randomised_studies__all_inside_the_plausible_band():
    assert all(not doubts(s.percent_per_100_ms / 100) for s in reference.studies() if s.plain)


def test_reference__confounded_feature_test__36_times_the_clean_one_and_doubted():
    by_key = {study.key: study.percent_per_100_ms for study in reference.studies()}

    assert by_key["google-30-results"] / by_key["google-2009-weeks-1-3"] == pytest.approx(36, abs=1)
    assert doubts(by_key["google-30-results"] / 100)
