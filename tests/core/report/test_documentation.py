"""The documents name every field, state, verdict and check there is."""

from pathlib import Path

import pytest

from analysis.report import exports, vocabulary
from analysis.report.document import build
from analysis.report.states import State
from analysis.report.verdict import Verdict
from tests.golden.report.parts import CREATED
from tests.golden.report.verdict_cases import roll_back

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "report-json.md").read_text(encoding="utf-8")
READING = (DOCS / "explanation" / "reading-a-report.md").read_text(encoding="utf-8")
BUILT = build(roll_back(), prev_sha256="", created_at=CREATED)
TEXT_ONLY = {"text", "short", "units_text", "counts_text", "both_units", "both_units_text"}


def named(field):
    return f"`{field}`" in REFERENCE


@pytest.mark.parametrize("field", sorted(BUILT))
def test_reference__field_of_the_document__named(field):
    assert named(field)


@pytest.mark.parametrize("field", sorted(BUILT["results"][0]))
def test_reference__field_of_a_result__named(field):
    assert named(field)


@pytest.mark.parametrize("field", sorted(set(BUILT["results"][0]["arms"][0]) - TEXT_ONLY))
def test_reference__field_of_an_arm__named(field):
    assert named(field)


@pytest.mark.parametrize("state", list(State))
def test_documents__state__named_in_both(state):
    assert named(state.value)
    assert f"| {vocabulary.STATES[state].word} |" in READING


@pytest.mark.parametrize("verdict", list(Verdict))
def test_documents__verdict__named_in_both(verdict):
    assert named(verdict.value)
    assert f"| {verdict.value} |" in READING


@pytest.mark.parametrize("label", list(vocabulary.LABELS.values()))
def test_reading__check__explained(label):
    assert f"| {label} |" in READING


def test_reference__csv_columns__are_fields_of_the_document():
    own = {"snapshot", "dimension", "level", "units_control", "units_treatment", "metric_version"}
    own |= {"value_control", "value_treatment", "data_until", "inference"}

    assert [name for name in exports.COLUMNS if name not in own and not named(name)] == []
