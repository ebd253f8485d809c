"""What every engine has to pass: the same plan over the same files gives the reference engine's readings.

An engine's own test calls `assert_conforms` with what it read and what DuckDB read of the same files. Counts
and order statistics are the same, sums agree to nine digits.
"""

import numpy as np

TOLERANCE = 1e-9


def assert_conforms(found, reference, tolerance=TOLERANCE):
    assert found.enrolment == reference.enrolment
    assert found.active == reference.active
    assert found.arrivals == reference.arrivals
    assert_same_caps(found.caps, reference.caps, tolerance)
    assert_same_moments(found.moments, reference.moments, tolerance)
    assert_same_quantiles(found.quantiles, reference.quantiles, tolerance)


def assert_same_caps(found, reference, tolerance):
    assert found.keys() == reference.keys()
    for entry, limit in reference.items():
        np.testing.assert_allclose(found[entry], limit, rtol=tolerance)


def assert_same_moments(found, reference, tolerance):
    assert found.keys() == reference.keys()
    for vector, of_group in reference.items():
        assert found[vector].keys() == of_group.keys()
        for group, moments in of_group.items():
            assert_same(found[vector][group], moments, tolerance)


def assert_same_quantiles(found, reference, tolerance):
    assert found.keys() == reference.keys()
    for place, of_group in reference.items():
        assert found[place].keys() == of_group.keys()
        for group, stat in of_group.items():
            other = found[place][group]
            ranks = (other.n, other.value, other.lower, other.upper)
            assert ranks == (stat.n, stat.value, stat.lower, stat.upper)
            assert_same(other.cluster, stat.cluster, tolerance)


def assert_same(found, reference, tolerance=TOLERANCE):
    assert found.n == reference.n
    scale = np.sqrt(np.outer(reference.comoment.diagonal(), reference.comoment.diagonal()))
    np.testing.assert_allclose(found.mean, reference.mean, rtol=tolerance)
    assert (abs(found.comoment - reference.comoment) <= tolerance * scale + 1e-12).all()
