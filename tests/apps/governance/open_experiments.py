"""Experiments just before everybody gets what they give, at every station of their way."""

from analysis import queries as analysis
from experiments import services as experiments
from flags import services as flags
from flags.services import ramps
from tests.apps.analysis import world
from tests.apps.governance import open_worlds
from tests.apps.governance.open_worlds import ALL, LATER, NOW, step

ROSA: dict = {"actor": "rosa", "now": NOW}
RUNNING = ("half", "whole", "waiting", "ready", "later")


def nearly_everybody():
    """Experiments that give 99 % the new variant: at half the units, at all, paused, approved."""
    flags.create_environment(key="production", is_production=True, actor="ada", now=NOW)
    open_worlds.team()
    open_worlds.begun("half")
    open_worlds.begun("whole", coverage_ppm=ALL)
    open_worlds.begun("waiting", coverage_ppm=ALL)
    experiments.pause(key="waiting", reason="look", **ROSA)
    for key in ("ready", "later"):
        open_worlds.begun(key, starts=False)
        experiments.submit(key=key, **ROSA)
        experiments.approve(key=key, actor="otto", now=NOW)
    experiments.revise(key="whole", reason="another plan", **ROSA)


def forbid(reason, *keys):
    """Bring about one reason, and nothing else, for these experiments."""
    if reason == "a trip is open":
        open_worlds.trip(*keys)
        return
    open_worlds.policy()
    if reason == "a sign-off is missing":
        for key in keys:
            made = open_worlds.unsigned(experiment=key)
            if analysis.latest_snapshot(key) is None:
                open_worlds.reported(made.experiment)


def sha256():
    """The report that is decided on."""
    return analysis.latest_snapshot(world.KEY).sha256


def decide(*, at_once=True):
    return experiments.decide(
        key=world.KEY, taken="ship", snapshot_sha256=sha256(), reason="better", at_once=at_once, **ROSA
    )


def prepared(*, holdback_ppm=0, coverage_ppm=ALL):
    experiments.prepare_rollout(
        key=world.KEY, holdback_ppm=holdback_ppm, steps=[step(coverage_ppm)], plan="", **ROSA
    )


def decided():
    decide(at_once=False)


def rolling():
    """Decided and at the last step before everybody."""
    prepared(coverage_ppm=900_000)
    experiments.start_rollout(key=world.KEY, **ROSA)
    ramps.tick(now=LATER)
