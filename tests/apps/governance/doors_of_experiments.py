"""Requests that would give everybody an experiment's new variant, in the worlds of `open_experiments`."""

from datetime import timedelta

from experiments import queries, tasks
from experiments import services as experiments
from flags import services as flags
from tests.apps.analysis import world
from tests.apps.governance.doors import Door, run
from tests.apps.governance.open_experiments import ROSA, decided, prepared, rolling, sha256
from tests.apps.governance.open_worlds import ALL, LATER, NOW, step

WHY = {"reason": "now"}


def one(key=world.KEY, **more):
    return {"key": key, **more}


def planned_ramp():
    """A ramp whose step waits for somebody else."""
    experiments.start_ramp(key="half", steps=[step(needs_approval=True)], **ROSA)
    return one("half")


def paused_ramp():
    planned_ramp()
    experiments.approve_ramp_step(key="half", step=0, actor="pia", now=NOW)
    experiments.pause_ramp(key="half", reason="wait", **ROSA)
    return one("half")


def plan():
    return flags.create_ramp_plan(key="at-once", steps=[step()], actor="rosa", now=NOW).key


def ramped():
    """What the ramp of the experiment waits for when its time has come."""
    run(tasks.ramp_tick)
    found = queries.experiment("half").ramps.order_by("-id").first()
    return found.waits_for


def agreed():
    """A change under review that somebody else agreed to."""
    experiments.request_change(key="half", coverage_ppm=ALL, reason="more", **ROSA)
    experiments.approve_change(key="half", actor="pia", now=NOW)
    return one("half")


def due():
    """Why the experiment did not start by itself."""
    run(tasks.run_schedule)
    return queries.experiment("later").schedule_note


def soon():
    return (LATER - timedelta(minutes=5)).isoformat()


def at_once():
    """The decision as it is sent."""
    return {"taken": "ship", "snapshot_sha256": sha256(), "reason": "better"}


def ready():
    """A roll-out that is prepared, to begin with everybody."""
    prepared()
    return one()


WIDENING = {
    "api-experiment-start": Door(lambda: (one("ready"), WHY), flag="ready"),
    "api-experiment-schedule": Door(
        lambda: (one("later"), {"start_at": soon()}), flag="later", later=due
    ),
    "api-experiment-coverage": Door(lambda: (one("half"), {"coverage_ppm": ALL, **WHY}), flag="half"),
    "api-experiment-resume": Door(lambda: (one("waiting"), WHY), flag="waiting"),
    "api-experiment-ramp": Door(
        lambda: (one("half"), {"steps": [step()]}), flag="half", later=ramped
    ),
    "api-experiment-ramp-step": Door(
        lambda: (planned_ramp(), {"step": 0}), flag="half", later=ramped, needs_person=True
    ),
    "api-experiment-ramp-resume": Door(lambda: (paused_ramp(), WHY), flag="half", later=ramped),
    "api-experiment-apply-change": Door(lambda: (agreed(), WHY), flag="half"),
    "api-experiment-apply-revision": Door(lambda: (one("whole"), WHY), flag="whole"),
    "experiment-start": Door(lambda: (one("ready"), {"coverage": "100"}), flag="ready"),
    "experiment-schedule": Door(
        lambda: (one("later"), {"start_at": soon()[:16], "coverage": "100"}), flag="later", later=due
    ),
    "experiment-coverage": Door(lambda: (one("half"), {"coverage": "100", **WHY}), flag="half"),
    "experiment-resume": Door(lambda: (one("waiting"), WHY), flag="waiting"),
    "experiment-ramp": Door(lambda: (one("half"), {"plan": plan()}), flag="half", later=ramped),
    "experiment-ramp-step": Door(
        lambda: ({**planned_ramp(), "step": 0}, WHY), flag="half", later=ramped
    ),
    "experiment-ramp-resume": Door(lambda: (paused_ramp(), WHY), flag="half", later=ramped),
    "experiment-apply-change": Door(lambda: (agreed(), WHY), flag="half"),
    "experiment-apply-revision": Door(lambda: (one("whole"), WHY), flag="whole"),
}  # fmt: skip
STOPPED = {
    "api-experiment-decide": Door(lambda: (one(), at_once()), flag=world.KEY),
    "experiment-decide": Door(lambda: (one(), {**at_once(), "how": "at_once"}), flag=world.KEY),
}
DECIDED = {
    "api-experiment-rollout-start": Door(lambda: (ready(), {}), flag=world.KEY),
    "experiment-start-rollout": Door(lambda: (ready(), {}), flag=world.KEY),
}
ROLLING = {
    "api-experiment-rollout-finish": Door(lambda: (one(), {}), flag=world.KEY),
    "experiment-finish-rollout": Door(lambda: (one(), {}), flag=world.KEY),
}
WAY_OUT = ((lambda: None, STOPPED), (decided, DECIDED), (rolling, ROLLING))
"""Where an experiment arrives on its way out, and the doors there."""
DOORS = WIDENING | STOPPED | DECIDED | ROLLING
