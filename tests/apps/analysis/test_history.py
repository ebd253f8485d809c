"""What looks leave for later ones: once for each cut, in the order of the data, old rows too."""

from datetime import timedelta

import pytest

from analysis.comparing import Clock
from analysis.models import AnalysisRun, MetricResult
from analysis.services import history
from analysis.stats.monitor import MonitorLook, SeenLook
from experiments import queries as experiments
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db

PLACE = ("latency-p95", "treatment")


@pytest.fixture
def experiment():
    world.started()
    return experiments.experiment(world.KEY)


def stored(experiment, number, hours, memory, *, config="a"):
    """A finished look at data until so many hours after the start, with what it remembered."""
    cut = world.at(hours)
    run = AnalysisRun.objects.create(
        experiment_id=experiment.id,
        plan_version=1,
        plan_sha256="0" * 64,
        look=number,
        data_cut=cut,
        config_hash=config * 64,
        code_version="0",
        engine="duckdb",
        trigger="schedule",
        actor="scheduler",
        requested_at=cut,
        finished_at=cut + timedelta(minutes=1),
    )
    binding = next(b for b in experiments.plan(world.KEY).bindings if b.metric == PLACE[0])
    MetricResult.objects.create(
        run=run,
        metric_version_id=binding.metric_version_id,
        metric=PLACE[0],
        role="guardrail",
        arm=PLACE[1],
        units_control=500,
        units_treatment=500,
        state="not_proven",
        detail={"memory": memory},
    )


def seen_at(hours, difference=0.0):
    """As on the metric's own scale, where the level was 20."""
    return SeenLook(difference, 2.0, 20.0, 500, float(hours), scheduled=False, plan_share=hours / 672)


def look_at(hours, harm=0.0):
    return MonitorLook(harm, 0.1, 500, float(hours), scheduled=False, plan_share=hours / 672)


def read(hours):
    return history.past(experiments.plan(world.KEY), cut=world.at(hours))


def test_past__what_looks_remembered__read_back_as_it_was(experiment):
    clock = Clock(400.0, is_relative=True)
    for number, (hours, difference) in enumerate([(6, 0.0), (12, 4.0)], start=1):
        stored(experiment, number, hours, history.memory(clock, seen_at(hours, difference)))

    found = read(18).of[PLACE]

    assert (found.clock, found.numbers) == (clock, (1, 2))
    assert found.looks == (look_at(6), look_at(12, harm=0.2))


def test_past__looks_stored_on_the_clock_and_as_seen__one_history(experiment):
    """Earlier versions stored what a look was on the clock."""
    old = {
        "planned_information": 400.0,
        "clock_is_relative": True,
        "look": [0.1, 0.1, 500, 6.0, False, 6 / 672],
    }
    stored(experiment, 1, 6, old)
    stored(experiment, 2, 12, history.memory(Clock(400.0, is_relative=True), seen_at(12, 4.0)))

    assert read(18).of[PLACE].looks == (look_at(6, harm=0.1), look_at(12, harm=0.2))


def test_past__rows_of_an_earlier_version__clock_in_the_metrics_own_unit(experiment):
    stored(experiment, 1, 6, {"planned_information": 9.0, "look": [0.5, 0.25, 300, 6.0, False]})

    found = read(12).of[PLACE]

    assert found.clock == Clock(9.0, is_relative=False)
    assert found.looks == (MonitorLook(0.5, 0.25, 300, 6.0, scheduled=False, plan_share=None),)


def test_past__a_cut_computed_again__counts_once_as_computed_last(experiment):
    clock = Clock(400.0, is_relative=True)
    for number, (hours, found, config) in enumerate([(6, 0.0, "a"), (12, 2.0, "a"), (12, 4.0, "b")], 1):
        stored(experiment, number, hours, history.memory(clock, seen_at(hours, found)), config=config)

    found = read(18)

    assert [look.harm for look in found.of[PLACE].looks] == [0.0, 0.2]
    assert found.of[PLACE].numbers == (1, 3)
    assert found.looks == 3


def test_past__the_cut_itself__is_no_part_of_its_own_history(experiment):
    for number, hours in enumerate((6, 12), start=1):
        stored(experiment, number, hours, history.memory(None, seen_at(hours)))

    assert read(12).of[PLACE].numbers == (1,)
    assert PLACE not in read(6).of


@pytest.mark.parametrize(("hours", "expected"), [(28 * 24, False), (28 * 24 + 1, False), (28 * 24 + 2, True)])
def test_past__first_look_at_the_planned_end__those_at_more_data_come_after_it(experiment, hours, expected):
    for number, at in enumerate((24, 28 * 24 + 1), start=1):
        stored(experiment, number, at, history.memory(None, seen_at(at)))

    assert read(hours).is_after_end is expected
