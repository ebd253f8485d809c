"""Tails: right to a millionth however far out, against sums in 400-digit arithmetic."""

import math
from decimal import Decimal, getcontext
from math import comb, inf

import pytest
from scipy import integrate, stats

from analysis.stats.tails import chi_square_tail, critical_value, f_tail, upper_tail


@pytest.fixture(autouse=True)
def _many_digits():
    before = getcontext().prec
    getcontext().prec = 400
    yield
    getcontext().prec = before


def exact_t_tail(t: float, df: int) -> Decimal:
    """P(T > t) for even df: Abramowitz & Stegun 26.7.4, the sum in 400 digits."""
    x = Decimal(t)
    sine = x / (x * x + df).sqrt()
    cosine2 = Decimal(df) / (x * x + df)
    total = sum(Decimal(comb(2 * j, j)) / Decimal(4) ** j * cosine2**j for j in range(df // 2))
    return (1 - sine * total) / 2


@pytest.mark.parametrize(
    ("t", "df"),
    [(t, df) for t in (0.5, 2.0, 6.0, 30.0) for df in (2, 4, 10, 60, 200)]
    + [(1000.0, 2), (1000.0, 60), (1e5, 10), (1e5, 30)],
)
def test_upper_tail__far_out__right_to_a_millionth(t, df):
    expected = exact_t_tail(t, df)

    assert upper_tail(t, df) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(
    ("t", "df"), [(3.0, 5.5), (12.0, 33.3), (40.0, 99.9), (25.0, 4321.7), (21.5, 250_000.5)]
)
def test_upper_tail__fractional_df__right_to_a_millionth_by_quadrature(t, df):
    def relative_density(x):
        return math.exp(-(df + 1) / 2 * (math.log1p(x * x / df) - math.log1p(t * t / df)))

    tail = integrate.quad(relative_density, t, 2 * t, epsabs=0, epsrel=1e-11, limit=400)[0]
    tail += integrate.quad(relative_density, 2 * t, math.inf, epsabs=0, epsrel=1e-9, limit=400)[0]
    # log Gamma((df + 1) / 2) - log Gamma(df / 2) by its asymptotic series, accurate for a large argument.
    a = df / 2 - 0.25
    series, direct = 0.5 * math.log(a) + 1 / (64 * a**2), math.lgamma((df + 1) / 2) - math.lgamma(df / 2)
    gammas = series if df > 1000 else direct
    log_scale = gammas - 0.5 * math.log(df * math.pi) - (df + 1) / 2 * math.log1p(t * t / df)

    assert upper_tail(t, df) == pytest.approx(math.exp(log_scale) * tail, rel=1e-6)


@pytest.mark.parametrize("z", [0.0, 1.96, 8.0, 21.3, 37.0])
def test_upper_tail__infinite_df__normal_by_continued_fraction(z):
    x = Decimal(z)
    if z < 5:
        expected = stats.norm.sf(z)
    else:
        fraction = x
        for k in range(300, 0, -1):
            fraction = x + Decimal(k) / fraction
        pi = Decimal("3.14159265358979323846264338327950288419716939937510582")
        expected = float((-x * x / 2).exp() / (2 * pi).sqrt() / fraction)

    assert upper_tail(z) == pytest.approx(expected, rel=1e-9)
    assert expected > 0


def test_upper_tail__df_grows__meets_the_normal_without_a_jump():
    assert upper_tail(21.0, 0.99e9) == pytest.approx(upper_tail(21.0, 1.01e9), rel=1e-4)
    assert upper_tail(4.0, 0.99e9) == pytest.approx(upper_tail(4.0, inf), rel=1e-6)


@pytest.mark.parametrize("df", [1.5, 7.3, 100.0, 12345.6, inf])
@pytest.mark.parametrize("tail", [0.4, 0.025, 1e-3, 1e-10])
def test_critical_value__put_back__gives_the_tail(tail, df):
    assert upper_tail(critical_value(tail, df), df) == pytest.approx(tail, rel=1e-8)


@pytest.mark.parametrize("t", [1e99, 1e101, 1e160, 1e250])
def test_upper_tail__one_df__that_of_cauchy_as_far_as_a_double_goes(t):
    assert upper_tail(t, 1.0) == pytest.approx(1 / (math.pi * t), rel=1e-12)


@pytest.mark.parametrize("t", [1e99, 1e101, 1e140])
def test_upper_tail__two_df__leading_term(t):
    assert upper_tail(t, 2.0) == pytest.approx(1 / t / t / 2, rel=1e-10)


@pytest.mark.parametrize(("tail", "df"), [(1e-150, 1.3), (1e-200, 3.7), (1e-290, 5.0), (1e-290, 40.0)])
def test_critical_value__tails_where_scipy_loses_its_way__put_back(tail, df):
    assert upper_tail(critical_value(tail, df), df) == pytest.approx(tail, rel=1e-6)


@pytest.mark.parametrize(("x", "df"), [(0.0, 1), (3.84, 1), (460.0, 2), (500.0, 3)])
def test_chi_square_tail__against_scipy_stats(x, df):
    assert chi_square_tail(x, df) == pytest.approx(stats.chi2.sf(x, df), rel=1e-9)


def test_chi_square_tail__two_df__exponential():
    assert chi_square_tail(460.0, 2) == pytest.approx(1.2e-100, rel=0.1)
    assert chi_square_tail(460.0, 2) == pytest.approx(float((Decimal(-230)).exp()), rel=1e-9)


def test_f_tail__against_scipy_stats():
    assert f_tail(5.0, 3, 40) == pytest.approx(stats.f.sf(5.0, 3, 40), rel=1e-9)
