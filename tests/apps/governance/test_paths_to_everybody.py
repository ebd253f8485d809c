"""Every path of a flag that serves a change to everybody, refused for each reason there is.

`test_paths_are_known` holds that these are all; `test_paths_of_experiments` has those of experiments.
"""

from datetime import timedelta

import pytest

from flags import services as flags
from flags.gitops import Change
from flags.models import RampRun, ScheduledChange
from flags.services import ramps, schedules
from tests.apps.flags import build
from tests.apps.governance import open_flags, open_worlds
from tests.apps.governance.open_worlds import ALL, BY, HALF, LATER, NOW, REASONS, rule, step
from tests.apps.governance.paths import FLAG_PATHS

pytestmark = pytest.mark.django_db
PLACE: dict = {"flag": "checkout", "environment": "production"}
PLAIN: dict = {"flag": "plain", "environment": "production"}


@pytest.fixture
def half_open():
    open_flags.half_open()


def scheduled():
    """What became of the two changes that were due."""
    schedules.tick(now=LATER)
    rows = ScheduledChange.objects.all()
    assert {row.state for row in rows} == {"refused"}
    return " and ".join(row.outcome for row in rows)


def publish():
    draft = build.draft([rule(ALL)])
    flags.publish(**PLACE, version=draft.number, **BY)


def apply_files():
    content = {**build.definition(), "rules": [rule(ALL)]}
    change = Change("flag", "checkout", seen=build.live().number, content=content)
    flags.apply_changes(environment="production", changes=[change], reason="files", may_share=True, **BY)


def imported():
    """Another product's document only makes a draft; publishing that is the path."""
    switched_on = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}
    document = {"flags": {"plain": switched_on}}
    before = build.live("plain").number
    flags.import_flags(environment="production", source="flagd", content=document, **BY)
    assert build.live("plain").number == before
    draft = flags.save_draft(**PLAIN, definition={**build.definition("plain"), "default": "on"}, **BY)
    flags.publish(**PLAIN, version=draft.number, **BY)


def run():
    return RampRun.objects.get()


def ticked():
    """What the ramp waits for once it is approved and due, three ticks later."""
    flags.approve_step(ramp_id=run().id, step=1, actor="otto", now=NOW)
    flags.pause_ramp(ramp_id=run().id, reason="wait", **BY)
    flags.resume_ramp(ramp_id=run().id, **BY)
    for minutes in (1, 2, 3):
        ramps.tick(now=LATER + timedelta(minutes=minutes))
    covered = build.definition("ramped")["rules"][0]["split"]["coverage_ppm"]
    assert (covered, run().state) == (HALF, "holding")
    return run().waits_for or "; ".join(each.reason for each in run().events.all())


def jump():
    flags.approve_step(ramp_id=run().id, step=1, actor="otto", now=NOW)
    flags.jump_ramp(ramp_id=run().id, step=1, reason="quick", **BY)


PATHS = {
    "publish": publish,
    "set_coverage": lambda: flags.set_coverage(**PLACE, coverage_ppm=ALL, **BY),
    "switch_on": lambda: flags.switch_on(flag="killed", environment="production", reason="on", **BY),
    "revert": lambda: flags.revert(**PLACE, version=2, **BY),
    "start_ramp": lambda: flags.start_ramp(**PLACE, steps=[step()], **BY),
    "jump_ramp": jump,
    "apply_changes": apply_files,
    "publish_segment": lambda: open_flags.segment(["everybody"]),
    "end_holdout": lambda: flags.end_holdout(key="kept-out", reason="over", **BY),
    "unarchive": lambda: flags.unarchive(flag="archived", **BY),
    "end_rollout_rule": lambda: flags.end_rollout_rule(
        **PLACE, experiment="x", rule="open", variant="on", reason="all", **BY
    ),
    "ship_variant": lambda: flags.ship_variant(**PLACE, variant="on", experiment="x", reason="ship", **BY),
    "publish_experiment_rule": lambda: open_flags.experiment_rule("plain", ALL),
    "approve_step": ticked,
    "resume_ramp": ticked,
    "schedule_change": scheduled,
    "approve_change": scheduled,
    "import": imported,
}
"""By the service. What only takes effect at a tick of the clock is ticked."""


def test_paths__all_that_are_known__are_walked():
    assert set(PATHS) == FLAG_PATHS | {"import"}


@pytest.mark.parametrize("reason", REASONS)
def test_flag__each_reason__every_path_refused_with_it(reason, half_open):
    open_flags.forbid(reason)

    assert open_worlds.let_through(PATHS, REASONS[reason]) == {}
    assert build.definition()["rules"][0]["split"]["coverage_ppm"] == HALF


def test_flag__no_reason_less_than_everybody_or_not_production__nothing_is_asked():
    build.flag(team=None)
    build.published([rule(ALL)])
    assert build.definition()["rules"][0]["split"]["coverage_ppm"] == ALL

    build.published([rule(HALF)])
    open_worlds.team()
    flags.edit_flag(flag="checkout", content={"team": "buyers"}, **BY)
    open_worlds.policy()
    flags.set_coverage(**PLACE, coverage_ppm=940_000, **BY)
    build.environment("staging", is_production=False)
    flags.serve_default(flag="checkout", environment="staging", **BY)
    build.published([rule(ALL)], environment="staging")

    assert build.definition()["rules"][0]["split"]["coverage_ppm"] == 940_000
    assert build.definition(environment="staging")["rules"][0]["split"]["coverage_ppm"] == ALL
