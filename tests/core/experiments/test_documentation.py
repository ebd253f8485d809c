# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""The how-to keeps up with the checklist, the states and the fields."""

import json
import re
from pathlib import Path

import pytest

from analysis.planning import checks
from experiments import preflight
from experiments.drafts import DRAFT_FIELDS, ExperimentKind, read, read_binding
from experiments.lifecycle import ALLOWED
from experiments.plan import Role
from tests.core.experiments.plans import plan

HOW_TO = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "run-an-experiment.md").read_text("utf-8")
CONTEXT = preflight.Context("rosa", ExperimentKind.AB, plan(), assigned_here=False, variants=None)
CODES = [*(check(CONTEXT).code for check in preflight.CHECKS), checks.CODE]


@pytest.mark.parametrize("code", CODES)
def test_how_to__every_line_of_the_checklist__explained(code):
    assert f"| `{code}` |" in HOW_TO


@pytest.mark.parametrize("role", list(Role))
def test_how_to__every_role__explained(role):
    assert f"| `{role}` |" in HOW_TO


@pytest.mark.parametrize("name", DRAFT_FIELDS)
def test_how_to__every_field_of_a_draft__named(name):
    assert f"`{name}`" in HOW_TO or f'"{name}"' in HOW_TO


@pytest.mark.parametrize("state", [state for state in ALLOWED if ALLOWED[state]])
def test_how_to__table_of_states__as_in_the_code(state):
    listed = re.search(rf"^\| {state.words} \| (.*) \|$", HOW_TO, re.MULTILINE)[1]

    assert set(listed.split(", ")) == {after.words for after in ALLOWED[state]}


def test_how_to__body_of_a_new_experiment__accepted():
    body = json.loads(re.search(r"POST /api/v1/experiments\n(\{.*?\n\})", HOW_TO, re.DOTALL)[1])
    body.pop("key")

    assert read(body).title == "Prefetch payment methods"


def test_how_to__bodies_of_bindings__accepted():
    bodies = re.findall(r'^\{"metric".*\}$', HOW_TO, re.MULTILINE)

    assert [read_binding(json.loads(body)).role for body in bodies] == ["primary", "guardrail"]
