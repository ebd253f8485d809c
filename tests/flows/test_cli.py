"""The command against the running platform: log in, plan, apply, ramp, kill, evaluate, scan, import."""

import io
import json
import os
import subprocess
import sys

import pytest
from django.utils import timezone

from flags import queries, services
from headway.cli import program
from tests.flows.places import environment

PLACE = "reviewed"
COMMAND = [sys.executable, "-m", "headway.cli"]
FILE = """
schema: 1
environment: reviewed
segments:
  staff:
    when: {attribute: email, op: ends_with, value: "@shop.example"}
flags:
  cli-base:
    type: bool
    variants: {on: true, off: false}
    off: off
    default: on
  cli-checkout:
    title: New checkout
    type: bool
    variants: {on: true, off: false}
    off: off
    default: off
    prerequisites: [{flag: cli-base, variants: [on]}]
    rules:
      - when: {segment: staff}
        variant: on
      - split: {coverage_ppm: 0, arms: [[on, 1000000]]}
"""
MOVED = """
schema: 1
flags:
  cli-moved: {on: false, variants: {on: true, off: false}, off: off, default: off}
"""
FLAGD = {
    "flags": {"cli_banner": {"state": "ENABLED", "variants": {"a": "x", "b": "y"}, "defaultVariant": "a"}}
}


@pytest.fixture
def headway(connected, tmp_path, monkeypatch):
    """Run a command as somebody who has logged in with an admin key of an environment of its own. Logging in
    is a process of its own, as all would be; an interpreter for each of the others would show no more."""
    _, key = services.create_key(
        environment=environment(PLACE), name="cli", scope="admin", actor="rosa", now=timezone.now()
    )
    home = {"XDG_CONFIG_HOME": str(tmp_path / "home"), "PYTHONPATH": os.pathsep.join(sys.path)}
    log_in(connected.web_url, tmp_path, {**os.environ, **home, "HEADWAY_KEY": key})
    monkeypatch.chdir(tmp_path)

    def run(*words, code=0):
        out, err = io.StringIO(), io.StringIO()
        ended = program.main([*map(str, words)], out=out, err=err, variables=home)
        assert ended == code, (words, out.getvalue(), err.getvalue())
        return out.getvalue()

    return run


def log_in(url, folder, variables):
    subprocess.run(
        [*COMMAND, "login", "--url", url],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        check=True,
    )


def test_command__whole_life_of_reviewed_flags__on_the_platform(headway, tmp_path):
    file = tmp_path / "flags.yaml"
    file.write_text(FILE)

    planned = headway("plan", "-f", file, "--out", "plan.json", code=2)
    headway("apply", "plan.json", "--yes", "--reason", "first review")
    again = headway("plan", "-f", file)
    headway("apply", "plan.json", "--yes", code=1)

    assert "+ flag cli-checkout" in planned
    assert "3 to add, 0 to change, 0 to archive" in planned
    assert "Nothing to do" in again
    assert (
        queries.live_version(queries.flag("cli-checkout"), queries.environment(PLACE)).reason
        == "first review"
    )

    headway("flags", "ramp", "cli-checkout", "50%", "--reason", "calm")
    moved = headway("plan", "-f", file, code=2)
    file.write_text(FILE.replace("coverage_ppm: 0, ", ""))
    left_open = headway("plan", "-f", file)
    staff = json.loads(
        headway("evaluate", "cli-checkout", "--unit", "u", "-a", "email=ada@shop.example", "--json")
    )
    headway("flags", "kill", "cli-checkout", "--reason", "slow")
    killed = headway("evaluate", "cli-checkout", "--unit", "u", "-a", "email=ada@shop.example")
    switched_on = headway("plan", "-f", file, code=2)
    headway("flags", "revert", "cli-checkout", "2", "--reason", "fixed")

    assert "coverage 50 % → 0 %" in moved
    assert "Nothing to do" in left_open
    assert (staff["evaluation"]["value"], staff["evaluation"]["reason"]) == (True, "TARGETING_MATCH")
    assert "(DISABLED)" in killed
    assert "Switched on" in switched_on
    assert "cli-checkout  on" in headway("flags", "list")

    headway("export", "--out", "export.yaml")
    assert "Nothing to do" in headway("plan", "-f", "export.yaml")


def test_command__plan_made_before_somebody_changed_the_flag__refused(headway, tmp_path):
    headway("flags", "create", "cli-moved", "--type", "bool")
    (tmp_path / "moved.yaml").write_text(MOVED)
    headway("plan", "-f", "moved.yaml", "--out", "moved.json", code=2)
    headway("flags", "set", "cli-moved", "--default", "on", "--publish", "--reason", "in between")

    headway("apply", "moved.json", "--yes", code=1)

    live = queries.live_version(queries.flag("cli-moved"), queries.environment(PLACE))
    assert (live.number, live.definition["on"]) == (2, True)


def test_command__refs_codegen_and_import__on_the_platform(headway, tmp_path):
    headway("flags", "create", "cli-seen", "--type", "bool")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "views.py").write_text('flags.bool("cli-seen", u)\nflags.variant("cli-sene", u)\n')
    (tmp_path / "flagd.json").write_text(json.dumps(FLAGD))

    found = headway("refs", "shop", "--check", "--upload", "--repository", "cli-shop", code=2)
    headway("codegen", "--out", "flags.py")
    current = headway("codegen", "--out", "flags.py", "--check")
    imported = headway("import", "flagd", "flagd.json")

    assert "views.py:1  cli-seen" in found
    assert "cli-sene: no such flag" in found
    assert "def cli_seen(" in (tmp_path / "flags.py").read_text()
    assert "is up to date" in current
    assert "1 drafts made in reviewed" in imported
    draft = queries.draft(queries.flag("cli-banner"), queries.environment(PLACE))
    assert draft.definition["variants"] == {"a": "x", "b": "y"}
