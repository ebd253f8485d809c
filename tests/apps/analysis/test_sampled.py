"""What ramps are told about units: never more than looks have proven."""

from datetime import timedelta

import pytest

from analysis import sampled
from analysis.models import AnalysisRun
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db


def units(since, flag=world.KEY, environment=world.ENVIRONMENT):
    return sampled.units_since(environment, flag, since)


@pytest.fixture
def looked():
    world.started()
    world.write(*world.traffic(400))
    for hours in (24, 48, 96):
        world.look(hours=hours)
    return [sum(run.enrolment["units"].values()) for run in AnalysisRun.objects.order_by("look")]


def test_units__since_the_start__all_that_the_newest_look_counted(looked):
    assert units(world.START) == looked[-1] > 0


def test_units__since_between_two_looks__counted_from_the_later_one(looked):
    assert units(world.at(30)) == looked[2] - looked[1]


def test_units__since_after_the_newest_look__none_proven(looked):
    assert units(world.at(96) + timedelta(seconds=1)) == 0


def test_units__no_look_or_another_flag__nobody_can_say(looked):
    assert units(world.START, flag="other") is None
    assert units(world.START, environment="staging") is None


def test_units__experiment_without_a_look__nobody_can_say():
    world.started()

    assert units(world.START) is None
