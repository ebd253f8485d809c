"""States of experiments, and of the changes to them, are written in one place only."""

import ast
from pathlib import Path

APP = Path(__file__).resolve().parents[3] / "experiments"
SOURCES = [path for path in APP.rglob("*.py") if "migrations" not in path.parts]


def writes_of_state():
    """(file, what is written to) of every `x.state = …` and every `….update(state=…)`."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for target in node.targets if isinstance(node, ast.Assign) else []:
                if isinstance(target, ast.Attribute) and target.attr == "state":
                    yield path.relative_to(APP).as_posix(), ast.unparse(target.value)
            if isinstance(node, ast.Call) and any(keyword.arg == "state" for keyword in node.keywords):
                called = ast.unparse(node.func)
                if called.endswith((".update", ".create", "get_or_create", "update_or_create")):
                    yield path.relative_to(APP).as_posix(), called.split(".")[0]


def test_state_of_an_experiment__written__by_the_transition_helper_only():
    of_experiments = [
        (path, target)
        for path, target in writes_of_state()
        if target != "version" and (path, target) != ("services/running.py", "experiment")
    ]

    assert sorted(of_experiments) == [
        ("services/transitions.py", "change"),
        ("services/transitions.py", "experiment"),
    ]


def test_update_in_running__is_one_of_versions_not_of_experiments():
    text = (APP / "services" / "running.py").read_text(encoding="utf-8")

    assert text.count(".update(") == 1
    assert "experiment.versions.filter(state=VersionState.LOCKED).update(state=VersionState.RETIRED)" in text
