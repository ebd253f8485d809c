"""docs/dependencies.md, pyproject.toml and the hashed lists name the same packages."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from config.settings import INSTALLED_APPS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
APPS = [name for name in INSTALLED_APPS if (ROOT / name).is_dir()]
NAME = re.compile(r"^[A-Za-z0-9-]+")


IMPORTED_AS = {
    "rest_framework": "djangorestframework",
    "drf_spectacular": "drf-spectacular",
    "ibis": "ibis-framework",
    "psycopg_pool": "psycopg",
}
OPTIONAL = {"headway", "pyspark", "openfeature"}
"""Imported where they are there: the SDK itself, and what extras bring."""


def names(requirements):
    return {NAME.match(requirement)[0].lower() for requirement in requirements}


def explained(title):
    """The packages in the first column of a section's table."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize(
    ("title", "requirements"),
    [
        ("To run", PROJECT["dependencies"]),
        ("To run with embedded servers", EXTRAS["embedded"]),
        ("To run on Spark", EXTRAS["spark"]),
        ("To develop", EXTRAS["dev"]),
    ],
)
def test_section__packages__exactly_those_of_the_project(title, requirements):
    assert explained(title) == names(requirements)


def test_vendored__files__exactly_those_that_are_there():
    folder = ROOT / "static" / "vendor"
    vendored = {f"static/vendor/{file.name}" for file in folder.iterdir() if file.suffix in {".js", ".css"}}

    assert explained("Vendored") == vendored


def test_sdk__dependencies__what_the_page_says():
    sdk = tomllib.loads((ROOT / "sdk" / "python" / "pyproject.toml").read_text(encoding="utf-8"))

    assert names(sdk["project"]["dependencies"]) == {"mmh3"}
    assert "has one dependency, `mmh3`" in PAGE


def test_to_run__direct_dependencies__few():
    assert len(PROJECT["dependencies"]) <= 25


@pytest.mark.parametrize("name", ["base", "embedded", "spark", "dev", "uv"])
def test_list__every_package__pinned_and_hashed_without_addresses(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text)

    assert "://" not in text
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize(
    ("name", "extras"),
    [("base", ()), ("embedded", ("embedded",)), ("spark", ("spark",)), ("dev", ("embedded", "dev"))],
)
def test_list__project_changed__written_anew(name, extras):
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    wanted = names([*PROJECT["dependencies"], *(each for extra in extras for each in EXTRAS[extra])])

    assert wanted <= set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def imported(file):
    """Top-level names of everything a file imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def test_code__what_it_imports__declared():
    own = {path.name for path in ROOT.iterdir() if path.is_dir()}
    files = [file for app in APPS for file in (ROOT / app).rglob("*.py")]
    found = {name for file in files for name in imported(file)}
    foreign = found - own - set(sys.stdlib_module_names) - OPTIONAL

    declared = names([*PROJECT["dependencies"], *EXTRAS["embedded"]])
    assert {IMPORTED_AS.get(name, name) for name in foreign} <= declared
