"""The command line against a launch that may not happen: every command that opens a flag is refused."""

import argparse
import io

import pytest
from django.utils import timezone

from analysis import queries as analysis
from analysis import services as looks
from flags import services as flags
from governance import reviewing
from governance.services import reviews
from headway.cli import program
from metrics import services as metrics
from tests.apps.governance import open_worlds
from tests.apps.governance.open_worlds import ALL, HALF, REASONS, rule, step
from tests.flows.planting import METRICS

PLACE, KEY, OFF = "held-launch", "held-launch", "held-launch-off"
COMMANDS = {
    "ramp": ("flags", "ramp", KEY, "100%", "--reason", "all"),
    "ramp by a plan": ("flags", "ramp", KEY, "--plan", "to-everybody"),
    "revert": ("flags", "revert", KEY, "2", "--reason", "as it was"),
    "on": ("flags", "on", OFF, "--reason", "on again"),
    "set": ("flags", "set", KEY, "--default", "on", "--publish", "--reason", "all"),
    "publish": ("flags", "publish", KEY, "--reason", "all"),
    "apply": ("apply", "-f", "everybody.yaml", "--yes", "--reason", "files"),
}
REFUSED = 1


def by(actor="ada"):
    return {"actor": actor, "now": timezone.now()}


@pytest.fixture
def run(connected, tmp_path, monkeypatch):
    """The command as somebody with an admin key types it; its exit code and all it said."""
    flags.create_environment(key=PLACE, is_production=True, **by())
    for key in (KEY, OFF):
        flags.create_flag(key=key, value_type="bool", in_environments=[PLACE], **by())
        published(key, ALL)
    published(KEY, HALF)
    flags.switch_off(flag=OFF, environment=PLACE, reason="test", **by())
    flags.create_ramp_plan(key="to-everybody", steps=[step()], **by())
    _, secret = flags.create_key(environment=PLACE, name="cli", scope="admin", **by())
    variables = {
        "HEADWAY_URL": connected.web_url,
        "HEADWAY_KEY": secret,
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    monkeypatch.chdir(tmp_path)

    def typed(*words):
        said = io.StringIO()
        code = program.main(words, out=said, err=said, variables=variables)
        return code, said.getvalue()

    assert typed("export", "--out", "now.yaml")[0] == 0
    everybody = (tmp_path / "now.yaml").read_text().replace(f"coverage_ppm: {HALF}", f"coverage_ppm: {ALL}")
    (tmp_path / "everybody.yaml").write_text(everybody)
    return typed


def published(key, coverage_ppm):
    place = {"flag": key, "environment": PLACE}
    definition = {"variants": {"on": True, "off": False}, "off": "off", "default": "off"}
    definition |= {"on": True, "forced": {}, "prerequisites": [], "rules": [rule(coverage_ppm)]}
    saved = flags.save_draft(**place, definition=definition, **by())
    flags.publish(**place, version=saved.number, **by())


def let_through(run, words):
    """The commands that were not refused with these words, and what they said."""
    said = {name: run(*command) for name, command in COMMANDS.items()}
    return {name: told for name, told in said.items() if told[0] != REFUSED or words not in told[1]}


def test_commands__sign_off_missing_then_a_trip_open__each_refused_with_it(run):
    answers = {question.key: question.key == "slower" for question in reviewing.QUESTIONS}
    opened = [reviews.open_review(flag=key, environment=PLACE, **by()) for key in (KEY, OFF)]
    for row in opened:
        reviews.answer_risks(id=row.id, answers=answers, **by())

    assert let_through(run, REASONS["a sign-off is missing"]) == {}

    for row in opened:
        reviews.withdraw_review(id=row.id, reason="the other reason alone", **by())
    metrics.load_definitions(texts=METRICS, **by())
    open_worlds.trip(KEY, OFF, metric="planted-load-time", environment=PLACE)

    assert let_through(run, REASONS["a trip is open"]) == {}
    for row in analysis.unsettled_trips().filter(experiment__environment=PLACE):
        looks.resolve_trip(trip_id=row.id, reason="the test is over", **by())


OPEN_NOTHING = {
    ("analyse",), ("budget", "end"), ("budget", "waive"), ("budget", "waivers"), ("codegen",), ("evaluate",),
    ("export",), ("flags", "archive"), ("flags", "create"), ("flags", "kill"), ("flags", "list"),
    ("flags", "off"), ("flags", "show"), ("flags", "versions"), ("impact",), ("import",), ("import-look",),
    ("login",), ("logout",), ("plan",), ("refs",), ("whoami",),
}  # fmt: skip
"""They read, close, or write drafts."""


def test_commands__all_that_there_are__tried_or_known_to_open_nothing():
    tried = {command[:2] if command[0] == "flags" else command[:1] for command in COMMANDS.values()}

    assert set(leaves(program._parser([]))) == tried | OPEN_NOTHING


def leaves(parser, words=()):
    """Every command that can be typed, without its options."""
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not groups:
        return [words]
    inside = [leaves(below, (*words, name)) for group in groups for name, below in group.choices.items()]
    return [leaf for each in inside for leaf in each]
