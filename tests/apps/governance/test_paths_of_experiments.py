"""Every path of an experiment that serves a change to everybody, refused for each reason there is."""

from datetime import timedelta

import pytest

from experiments import queries
from experiments import services as experiments
from experiments.models import Experiment
from tests.apps.analysis import world
from tests.apps.governance import open_experiments, open_worlds
from tests.apps.governance.open_experiments import (
    ROSA,
    RUNNING,
    decide,
    decided,
    forbid,
    prepared,
    rolling,
    sha256,
)
from tests.apps.governance.open_worlds import ALL, HALF, LATER, NOW, REASONS, step
from tests.apps.governance.paths import EXPERIMENT_PATHS

pytestmark = pytest.mark.django_db


@pytest.fixture
def nearly_everybody():
    open_experiments.nearly_everybody()


def ramped():
    """What a ramp of the experiment waits for once it is approved and due."""
    experiments.start_ramp(key="half", steps=[step(needs_approval=True)], **ROSA)
    experiments.approve_ramp_step(key="half", step=0, actor="otto", now=NOW)
    experiments.pause_ramp(key="half", reason="wait", **ROSA)
    experiments.resume_ramp(key="half", **ROSA)
    for minutes in (1, 2):
        experiments.tick_ramps(now=LATER + timedelta(minutes=minutes))
    owner = queries.experiment("half")
    run = queries.open_ramp(owner)
    assert owner.phases.get(ended_at__isnull=True).coverage_ppm == HALF
    return f"{run.ramp_state}: {run.waits_for}"


def scheduled():
    """Why the experiment did not start by itself."""
    experiments.schedule(key="later", start_at=NOW + timedelta(hours=1), **ROSA)
    experiments.run_due(now=LATER)
    found = queries.experiment("later")
    assert found.state == "scheduled"
    return found.schedule_note


def changed():
    """A change under review that somebody else agreed to."""
    experiments.request_change(key="half", coverage_ppm=ALL, reason="more", **ROSA)
    experiments.approve_change(key="half", actor="otto", now=NOW)
    experiments.apply_change(key="half", **ROSA)


WIDENING = {
    "start": lambda: experiments.start(key="ready", **ROSA),
    "schedule": scheduled,
    "run_due": scheduled,
    "raise_coverage": lambda: experiments.raise_coverage(key="half", coverage_ppm=ALL, reason="more", **ROSA),
    "resume": lambda: experiments.resume(key="waiting", reason="go on", **ROSA),
    "start_ramp": ramped,
    "tick_ramps": ramped,
    "resume_ramp": ramped,
    "approve_ramp_step": ramped,
    "apply_change": changed,
    "apply_revision": lambda: experiments.apply_revision(key="whole", reason="newer", **ROSA),
}


def start_rollout(holdback_ppm):
    prepared(holdback_ppm=holdback_ppm)
    experiments.start_rollout(key=world.KEY, **ROSA)


STOPPED = {
    "decide": decide,
    "decide, to be rolled out": lambda: decide(at_once=False),
}
DECIDED = {
    "start_rollout": lambda: start_rollout(0),
    "start_rollout, with a hold-back": lambda: start_rollout(20_000),
}
ROLLING = {"finish_rollout": lambda: experiments.finish_rollout(key=world.KEY, actor="rosa", now=LATER)}


def test_paths__all_that_are_known__are_walked():
    walked = {name.partition(",")[0] for name in (*WIDENING, *STOPPED, *DECIDED, *ROLLING)}

    assert walked == EXPERIMENT_PATHS


@pytest.mark.parametrize("reason", REASONS)
def test_experiment__each_reason__every_path_that_widens_it_refused(reason, nearly_everybody):
    forbid(reason, *RUNNING)

    assert open_worlds.let_through(WIDENING, REASONS[reason]) == {}


@pytest.mark.parametrize("reason", REASONS)
def test_experiment__each_reason__every_path_out_of_it_refused(reason):
    open_worlds.measured()
    if reason == "a trip is open":  # decided and begun before it came
        _walk_out(lambda: open_worlds.trip(world.KEY), REASONS[reason])
    else:
        _walk_out(lambda: forbid(reason, world.KEY), REASONS[reason])


def _walk_out(forbids, words):
    """Forbid it at each station of the way out, and walk what begins there."""
    for station, paths in ((lambda: None, STOPPED), (decided, DECIDED), (rolling, ROLLING)):
        station()
        walked = {name: _after(forbids, path) for name, path in paths.items()}
        assert open_worlds.let_through(walked, words) == {}


def _after(forbids, path):
    def walk():
        forbids()
        return path()

    return walk


def test_experiment__decided_otherwise_or_split_fairly__never_held_up():
    open_worlds.measured()
    open_worlds.policy()
    experiments.decide(
        key=world.KEY, taken="abandon", snapshot_sha256=sha256(), reason="no", at_once=False, **ROSA
    )
    open_worlds.begun("fair", treated_ppm=HALF, coverage_ppm=ALL)

    assert Experiment.objects.get(key=world.KEY).state == "decided"
    assert Experiment.objects.get(key="fair").state == "running"
