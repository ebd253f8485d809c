"""Requests that would serve a flag to everybody, in the world of `open_flags`."""

import json
from datetime import timedelta

from flags import services as flags
from flags import tasks
from flags.models import RampRun, ScheduledChange
from tests.apps.flags import build
from tests.apps.governance.doors import Door, run
from tests.apps.governance.open_worlds import ALL, BY, LATER, NOW, rule, step

HERE = {"environment": "production", "reason": "now"}
EVERYBODY = {"attribute": "plan", "op": "in", "value": ["everybody"]}


def place(key="checkout", **more):
    return {"key": key, "environment": "production", **more}


def draft():
    return build.draft([rule(ALL)]).number


def ramp():
    return RampRun.objects.get(flag__key="ramped")


def agreed():
    """The ramp whose last step somebody else agreed to."""
    return flags.approve_step(ramp_id=ramp().id, step=1, actor="pia", now=NOW).id


def paused():
    flags.pause_ramp(ramp_id=agreed(), reason="wait", **BY)
    return ramp().id


def ramped():
    """What a ramp waits for when its time has come."""
    run(tasks.ramp_tick)
    row = ramp()
    return row.waits_for or "; ".join(each.reason for each in row.events.all())


def planned(**what):
    """The only change that is planned, of the flag "checkout"."""
    for row in ScheduledChange.objects.all():
        flags.cancel_change(change_id=row.id, **BY)
    at = NOW + timedelta(hours=1)
    asked = {"kind": "coverage", "coverage_ppm": ALL, "run_at": at, **what}
    return flags.schedule_change(flag="checkout", environment="production", **asked, **BY)


def due():
    """What became of the changes that were due."""
    run(tasks.schedule_tick)
    return "; ".join(row.outcome for row in ScheduledChange.objects.exclude(state="cancelled"))


def to_be_planned(**what):
    flags.cancel_change(change_id=planned().id, **BY)
    return {"run_at": (LATER - timedelta(minutes=5)).isoformat(), "reason": "night", **what}


def plan():
    return flags.create_ramp_plan(key="at-once", steps=[step()], **BY).key


def change():
    content = {**build.definition(), "rules": [rule(ALL)]}
    seen = build.live().number
    return {"kind": "flag", "key": "checkout", "seen": seen, "settings": {}, "content": content}


def to_segment(**body):
    return {"key": "friends", "environment": "production"}, body


ADDRESSES = {
    "api-flag-coverage": Door(lambda: (place(), {"coverage_ppm": ALL})),
    "api-flag-publish": Door(lambda: (place(number=draft()), {})),
    "api-flag-revert": Door(lambda: (place(number=2), {})),
    "api-flag-switch-on": Door(lambda: (place("killed"), {"reason": "on"}), flag="killed"),
    "api-flag-ramps": Door(lambda: (place(), {"steps": [step()]})),
    "api-ramp-jump": Door(
        lambda: ({"ramp_id": agreed()}, {"step": 1, "reason": "quick"}), flag="ramped"
    ),
    "api-ramp-approve-step": Door(
        lambda: ({"ramp_id": ramp().id}, {"step": 1}), flag="ramped", later=ramped, needs_person=True
    ),
    "api-ramp-resume": Door(lambda: ({"ramp_id": paused()}, {}), flag="ramped", later=ramped),
    "api-flag-unarchive": Door(
        lambda: ({"key": "archived"}, {"reason": "back"}), flag="archived", needs_person=True
    ),
    "api-holdout-end": Door(
        lambda: ({"key": "kept-out"}, {"reason": "over"}), flag="kept-back", reaches=0.4
    ),
    "api-segment-versions": Door(lambda: to_segment(when=EVERYBODY, reason="all"), flag="invited"),
    "api-environment-apply": Door(
        lambda: ({"environment": "production"}, {"changes": [change()], "reason": "files"})
    ),
    "api-flag-scheduled": Door(
        lambda: (place(), to_be_planned(kind="coverage", coverage_ppm=ALL)), later=due
    ),
    "api-change-approve": Door(
        lambda: ({"change_id": planned().id}, {}), later=due, needs_person=True
    ),
}  # fmt: skip
PAGES = {
    "flag-coverage": Door(lambda: ({"key": "checkout"}, {**HERE, "rule": "open", "coverage": "100"})),
    "flag-publish": Door(lambda: ({"key": "checkout"}, {**HERE, "draft": draft()})),
    "flag-revert": Door(lambda: ({"key": "checkout", "number": 2}, HERE)),
    "flag-switch-on": Door(lambda: ({"key": "killed"}, HERE), flag="killed"),
    "flag-ramp": Door(lambda: ({"key": "checkout"}, {**HERE, "plan": plan()})),
    "ramp-jump": Door(lambda: ({"ramp_id": agreed(), "step": 1}, HERE), flag="ramped"),
    "ramp-approve": Door(lambda: ({"ramp_id": ramp().id, "step": 1}, HERE), flag="ramped", later=ramped),
    "ramp-resume": Door(lambda: ({"ramp_id": paused()}, HERE), flag="ramped", later=ramped),
    "flag-unarchive": Door(lambda: ({"key": "archived"}, HERE), flag="archived"),
    "flag-holdout-end": Door(lambda: ({"key": "kept-out"}, HERE), flag="kept-back", reaches=0.4),
    "flag-segment": Door(
        lambda: ({"key": "friends"}, {**HERE, "when": json.dumps(EVERYBODY)}), flag="invited"
    ),
    "flag-schedule": Door(
        lambda: (
            {"key": "checkout"},
            {**HERE, **to_be_planned(kind="coverage", coverage="100", rule="open")},
        ),
        later=due,
    ),
    "flag-change-approve": Door(lambda: ({"change_id": planned().id}, HERE), later=due),
}  # fmt: skip
DOORS = ADDRESSES | PAGES
