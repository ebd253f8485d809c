"""The how-to keeps up with the code: its bodies are accepted, its tables are complete."""

import json
import re
from pathlib import Path

import pytest

from flags import document, summary
from flags.api import requests
from flags.definitions import complete
from flags.keys import SCOPES
from flags.parts import Parts
from flags.ramp import FIELDS, read_steps
from tests.core.flags.texts import definition, fixed, split

HOW_TO = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "run-a-flag.md").read_text("utf-8")
BODIES = re.findall(r"^(?:POST|PUT) (\S+)\n(\{.*?\})\n(?:```|\n)", HOW_TO, re.MULTILINE | re.DOTALL)
DESCRIBED = {
    "environments": requests.NewEnvironmentRequest,
    "keys": requests.NewKeyRequest,
    "flags": requests.NewFlagRequest,
    "draft": requests.DraftRequest,
    "publish": requests.PublishRequest,
    "coverage": requests.CoverageRequest,
    "holds": requests.NeededReasonRequest,
    "switch-off": requests.SwitchRequest,
    "segments": requests.NewSegmentRequest,
    "versions": requests.SegmentRequest,
    "ramp-plans": requests.NewRampPlanRequest,
    "ramps": requests.RampRequest,
    "review": requests.ReviewSettingRequest,
    "scheduled": requests.NewChangeRequest,
    "holdouts": requests.NewHoldoutRequest,
    "start": requests.ReasonRequest,
}


def test_how_to__bodies__one_for_each_request_described_here():
    assert {address.rsplit("/", 1)[-1] for address, _ in BODIES} == set(DESCRIBED)


@pytest.mark.parametrize(("address", "body"), BODIES)
def test_how_to__every_body__has_the_fields_the_api_takes(address, body):
    described = DESCRIBED[address.rsplit("/", 1)[-1]]().fields
    content = json.loads(body)

    assert content.keys() <= described.keys()
    assert {name for name, field in described.items() if field.required} <= content.keys()


def test_how_to__definition__accepted_by_the_sdk():
    body = next(json.loads(body) for address, body in BODIES if address.endswith("/draft"))
    numbers = iter(range(10))
    named = {"type": "bool", "unit_type": "user", **body["definition"]}

    document.check_shape(named, "bool", "user")
    document.check(Parts("production"), "new-checkout", complete(named, lambda: next(numbers)))


@pytest.mark.parametrize("scope", SCOPES)
def test_how_to__every_scope__explained(scope):
    assert f"| `{scope}` |" in HOW_TO


@pytest.mark.parametrize(
    "state",
    [
        summary.of(None).state,
        summary.of(definition()).state,
        summary.of(definition(on=False)).state,
        summary.of(definition(rules=[fixed()])).state,
        summary.of(definition(rules=[fixed()]), is_held=True).state,
        summary.of(definition(rules=[split(experiment="a")])).state,
    ],
)
def test_how_to__every_state__explained(state):
    assert f"| {state} |" in HOW_TO


def test_how_to__ramp_plan__accepted_and_shows_every_field():
    body = next(json.loads(body) for address, body in BODIES if address.endswith("/ramp-plans"))

    assert len(read_steps(body["steps"])) == 4
    assert {name for step in body["steps"] for name in step} == set(FIELDS)
