"""The table of oracles names every function of the statistics, and what it names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "statistics-oracles.md"
ROWS = [
    [re.findall(r"`([^`]+)`", cell) or cell.strip() for cell in line.strip("|\n").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]
CLASSES = {"Moments", "QuantileStat", "LogHistogram", "AlwaysValid", "GuardrailMonitor"}
LIBRARIES = ("scipy", "statsmodels", "linearmodels")

PARTS = {
    *(
        "plain",
        "fields_as_dict",
        "check_level",
        "in_range",
        "measured",
        "estimated",
        "too_few",
        "missing_arm",
    ),
    *("special", "few_events_interval", "few_events_p_value", "simplex_weights", "widened"),
}
"""Parts of other functions, which are compared as wholes."""


def public_functions():
    for path in (ROOT / "analysis" / "stats").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield node.name


def text_of(folder, files):
    return "\n".join((ROOT / "tests" / folder / name).read_text(encoding="utf-8") for name in files)


def test_table__public_functions__each_in_one_row():
    named = [name for names, *_ in ROWS for name in names]

    assert sorted(named) == sorted({*public_functions(), *CLASSES} - PARTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][0])
def test_table__row__its_files_use_the_functions_and_the_libraries_and_its_simulations_exist(row):
    names, against, files, simulated = row
    text = text_of("core/stats", files)
    simulations = text_of(
        "calibration", [path.name for path in (ROOT / "tests/calibration").glob("test_*.py")]
    )

    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []
    words = against if isinstance(against, str) else " ".join(against)
    for library in LIBRARIES:
        assert library not in words or re.search(rf"^(from|import) {library}", text, re.MULTILINE)
    assert [name for name in simulated if f"def {name}(" not in simulations] == []
