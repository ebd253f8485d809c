"""Which data cut is due when, and that the same question has the same key."""

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analysis import looks
from tests.core.analysis.plans import locked_plan

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
PLAN = locked_plan(started_at=START)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (0, None),
        (64, None),
        (94, None),
        (95, "11:00"),
        (60 * 2 + 35, "12:00"),
        (60 * 5 + 34, "14:00"),
        (60 * 5 + 35, "15:00"),
    ],
)
def test_due_cut__first_day__last_settled_whole_hour(minutes, expected):
    cut = looks.due_cut(PLAN, now=START + timedelta(minutes=minutes))

    assert (cut and f"{cut:%H:%M}") == expected


@pytest.mark.parametrize(
    ("hours", "expected"), [(25, "06 09:00"), (27, "06 12:00"), (32, "06 12:00"), (33, "06 18:00")]
)
def test_due_cut__after_the_first_day__every_six_hours(hours, expected):
    cut = looks.due_cut(PLAN, now=START + timedelta(hours=hours))

    assert f"{cut:%d %H:%M}" == expected


def test_due_cut__stopped__the_end_and_never_later():
    plan = replace(PLAN, stopped_at=START + timedelta(days=9, minutes=7))

    assert looks.due_cut(plan, now=START + timedelta(days=30)) == plan.stopped_at


def test_due_cut__not_started__none():
    assert looks.due_cut(replace(PLAN, started_at=None), now=START) is None


def test_due_cut__any_time__never_goes_back():
    cuts = [looks.due_cut(PLAN, now=START + timedelta(minutes=10 * step)) for step in range(600)]
    known = [cut for cut in cuts if cut is not None]

    assert known == sorted(known)


def test_manual_cut__stopped__the_end():
    plan = replace(PLAN, stopped_at=START + timedelta(days=9))

    assert looks.manual_cut(plan, now=START + timedelta(days=10)) == plan.stopped_at
    assert looks.manual_cut(PLAN, now=START + timedelta(seconds=3.7)) == START + timedelta(seconds=3)


def test_look_key__other_plan_or_engine__other_key():
    cut = START + timedelta(hours=3)
    other = replace(PLAN, alpha=0.01).locked()

    keys = {
        looks.look_key(plan, cut=cut, config=looks.config_hash(plan, engine=engine))
        for plan in (PLAN, other)
        for engine in ("duckdb", "spark")
    }

    assert len(keys) == 4


def test_code_version__of_every_look__that_of_the_release():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())

    assert project["project"]["version"] == looks.CODE_VERSION
