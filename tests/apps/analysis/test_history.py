"""What looks leave for later ones: once for each cut, in the order of the data, old rows too."""

from datetime import timedelta

import pytest

from analysis.comparing import Clock
from analysis.models import AnalysisRun, MetricResult
from analysis.services import history
from analysis.stats.monitor import MonitorLook
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


def look_at(hours, harm=0.0):
    return MonitorLook(harm, 0.1, 500, float(hours), scheduled=False, plan_share=hours / 672)


def read(hours):
    return history.past(experiments.plan(world.KEY), cut=world.at(hours))


def test_past__what_looks_remembered__read_back_as_it_was(experiment):
    clock, looks = Clock(400.0, is_relative=True), [look_at(6), look_at(12)]
    for number, look in enumerate(looks, start=1):
        stored(experiment, number, look.hours, history.memory(clock, look))

    found = read(18).of[PLACE]

    assert (found.clock, list(found.looks), found.numbers) == (clock, looks, (1, 2))


def test_past__rows_of_an_earlier_version__clock_in_the_metrics_own_unit(experiment):
    stored(experiment, 1, 6, {"planned_information": 9.0, "look": [0.5, 0.25, 300, 6.0, False]})

    found = read(12).of[PLACE]

    assert found.clock == Clock(9.0, is_relative=False)
    assert found.looks == (MonitorLook(0.5, 0.25, 300, 6.0, scheduled=False, plan_share=None),)


def test_past__a_cut_computed_again__counts_once_as_computed_last(experiment):
    clock = Clock(400.0, is_relative=True)
    for number, (hours, harm, config) in enumerate([(6, 0.0, "a"), (12, 0.1, "a"), (12, 0.2, "b")], 1):
        stored(experiment, number, hours, history.memory(clock, look_at(hours, harm)), config=config)

    found = read(18)

    assert [look.harm for look in found.of[PLACE].looks] == [0.0, 0.2]
    assert found.of[PLACE].numbers == (1, 3)
    assert found.looks == 3


def test_past__the_cut_itself__is_no_part_of_its_own_history(experiment):
    for number, hours in enumerate((6, 12), start=1):
        stored(experiment, number, hours, history.memory(None, look_at(hours)))

    assert read(12).of[PLACE].numbers == (1,)
    assert PLACE not in read(6).of


@pytest.mark.parametrize(("hours", "expected"), [(28 * 24, False), (28 * 24 + 1, False), (28 * 24 + 2, True)])
def test_past__first_look_at_the_planned_end__those_at_more_data_come_after_it(experiment, hours, expected):
    for number, at in enumerate((24, 28 * 24 + 1), start=1):
        stored(experiment, number, at, history.memory(None, look_at(at)))

    assert read(hours).is_after_end is expected
