"""The code keeps its shape: small files, small functions, nothing left for later."""

import ast
import re
import statistics
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = "ledger organisation flags metrics experiments events analysis impact observability governance culture"
FOLDERS = ["config", "demo", *APPS.split(), "sdk/python/src"]
SOURCES = sorted(
    path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts
)
MAX_LINES = 400


def function_lengths():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1


def test_files__all__at_most_400_lines():
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES
    }

    assert len(lines) > 500
    assert {path: number for path, number in lines.items() if number > MAX_LINES} == {}


def test_functions__all__small():
    lengths = sorted(function_lengths())

    assert statistics.median(lengths) <= 10
    assert lengths[int(len(lengths) * 0.9)] <= 30


def test_sources__any__nothing_left_for_later():
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

    found = [str(path) for path in SOURCES if later.search(path.read_text(encoding="utf-8"))]

    assert found == []
