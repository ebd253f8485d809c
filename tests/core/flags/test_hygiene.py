"""When a flag has done its work."""

from datetime import UTC, date, datetime, timedelta

import pytest

from flags.hygiene import Standing, findings, served_to_all
from tests.core.flags.texts import DE, definition, fixed, split

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MONTH = NOW - timedelta(days=30)


def codes(**known):
    standing = {"kind": "release", "expires_on": None, "definition": definition(), "since": MONTH, "now": NOW}
    return [finding.code for finding in findings(Standing(**(standing | known)))]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, ["settled"]),
        ({"since": MONTH + timedelta(seconds=1)}, []),
        ({"kind": "ops"}, []),
        ({"kind": "permission"}, []),
        ({"definition": definition(rules=[fixed(when=DE)])}, []),
        ({"expires_on": date(2026, 3, 1)}, ["expired", "settled"]),
        ({"expires_on": date(2026, 3, 2)}, ["settled"]),
        ({"definition": None, "since": None}, []),
        ({"is_counted": True}, ["settled", "unused"]),
        ({"is_counted": True, "seen_at": NOW - timedelta(days=14)}, ["settled", "unused"]),
        ({"is_counted": True, "seen_at": NOW - timedelta(days=13)}, ["settled"]),
        ({"is_counted": True, "since": NOW - timedelta(days=13)}, []),
        ({"kind": "ops", "is_counted": True}, ["unused"]),
        ({"is_named": False}, ["settled", "unnamed"]),
        ({"is_named": False, "since": NOW - timedelta(days=13)}, []),
        ({"is_named": True}, ["settled"]),
    ],
)
def test_findings__cases__as_the_rule_says(known, expected):
    assert codes(**known) == expected


@pytest.mark.parametrize(
    ("content", "served"),
    [
        (definition(), "off"),
        (definition(default=None), "the default in the code"),
        (definition(on=False), "off"),
        (definition(on=False, off=None), "the default in the code"),
        (definition(rules=[fixed()]), "on"),
        (definition(rules=[split(coverage_ppm=1_000_000)]), "on"),
        (definition(rules=[split(coverage_ppm=999_999)]), None),
        (definition(rules=[split(coverage_ppm=1_000_000, treatment_ppm=500_000)]), None),
        (definition(rules=[split(coverage_ppm=1_000_000, experiment="a")]), None),
        (definition(rules=[fixed(when=DE)]), None),
        (definition(forced={"qa": "on"}), None),
        (definition(prerequisites=[{"flag": "b", "variants": ["on"]}]), None),
    ],
)
def test_served_to_all__cases__one_variant_or_none(content, served):
    assert served_to_all(content) == served
