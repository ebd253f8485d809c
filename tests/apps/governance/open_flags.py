"""Flags just before everybody gets what they give, in every way in which that can happen."""

from datetime import timedelta

from flags import services as flags
from tests.apps.flags import build
from tests.apps.governance import open_worlds
from tests.apps.governance.open_worlds import ALL, BY, HALF, NOW, rule, step

FLAGS = ("checkout", "killed", "archived", "plain", "invited", "kept-back", "ramped")
RAMPED: dict = {"flag": "ramped", "environment": "production"}


def half_open():
    """Flags that were open to everybody once, now half open, off, archived, ramping or with a holdout."""
    open_worlds.team()
    for key in FLAGS:
        build.flag(key, team="buyers")
    for key in ("checkout", "killed", "archived"):
        build.published([rule(ALL)], flag=key)
    build.published([rule(HALF)])
    build.published([rule(100_000)], flag="ramped")
    steps = [step(HALF), step(ALL, needs_approval=True)]
    flags.start_ramp(**RAMPED, steps=steps, **BY)
    flags.switch_off(flag="killed", environment="production", reason="test", **BY)
    flags.archive(flag="archived", reason="test", **BY)
    flags.create_segment(key="friends", **BY)
    segment(["nobody"])
    build.published([{"id": "in", "variant": "on", "when": {"segment": "friends"}}], flag="invited")
    flags.create_holdout(key="kept-out", environment="production", share_ppm=20_000, **BY)
    flags.start_holdout(key="kept-out", **BY)
    experiment_rule("kept-back", HALF)
    for kind in ("coverage", "switch_on"):
        schedule(kind)


def forbid(reason):
    """Bring about one reason, and nothing else, for all flags."""
    if reason == "a trip is open":
        open_worlds.definitions()
        open_worlds.trip(*FLAGS)
        return
    open_worlds.policy()
    if reason == "a sign-off is missing":
        for key in FLAGS:
            open_worlds.unsigned(flag=key, environment="production")


def segment(users):
    when = {"attribute": "plan", "op": "in", "value": users}
    flags.publish_segment(segment="friends", environment="production", when=when, reason="test", **BY)


def experiment_rule(flag, treated_ppm):
    """Arms of an experiment that Headway does not know, served to everybody."""
    arms = [("on", treated_ppm), ("off", ALL - treated_ppm)] if treated_ppm < ALL else [("on", ALL)]
    flags.publish_experiment_rule(
        flag=flag, environment="production", experiment=f"of-{flag}", arms=arms, coverage_ppm=ALL,
        unit_type="user", **BY,
    )  # fmt: skip


def schedule(kind):
    what = {"coverage_ppm": ALL} if kind == "coverage" else {}
    flag = "checkout" if kind == "coverage" else "killed"
    place = {"flag": flag, "environment": "production"}
    at = NOW + timedelta(hours=1)
    return flags.schedule_change(**place, kind=kind, run_at=at, reason="night", **what, **BY)
