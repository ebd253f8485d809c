"""Every service that somebody's name goes into writes an audit row, itself or through what it calls."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = (
    "organisation",
    "flags",
    "metrics",
    "experiments",
    "events",
    "analysis",
    "impact",
    "governance",
    "culture",
)
WRITERS = {"record", "_record"}
"""`ledger.audit.record`; each app's `_record` is checked like every other function."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for app in (*APPS, "observability"):
        for file in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in file.parts:
                yield app, ast.parse(file.read_text(encoding="utf-8"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def called(function: ast.FunctionDef) -> set[str]:
    """Names of everything the function names: calls, and functions that are handed on."""
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}


def is_change(function: ast.FunctionDef) -> bool:
    """A public service as they are written here: keyword-only, with who acts and when."""
    given = {argument.arg for argument in function.args.kwonlyargs}
    return not function.name.startswith("_") and {"actor", "now"} <= given


CALLS: dict[str, set[str]] = {}
CHANGES: set[str] = set()
for _app, _tree in modules():
    for _function in functions(_tree):
        CALLS.setdefault(_function.name, set()).update(called(_function))
        if is_change(_function):
            CHANGES.add(_function.name)


def reaches_a_row(name: str) -> bool:
    seen, ahead = set(), [name]
    while ahead:
        for each in CALLS.get(ahead.pop(), set()):
            if each in WRITERS:
                return True
            if each in CALLS and each not in seen:
                seen.add(each)
                ahead.append(each)
    return False


def test_services__found__many():
    assert len(CHANGES) > 100


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_service__with_an_actor__leads_to_an_audit_row(name):
    assert reaches_a_row(name), f"{name} changes something in somebody's name and calls no audit.record"


def test_record__in_every_app__stands_in_the_transaction_of_the_change():
    """`audit.record` itself refuses to run outside a transaction; here: nobody catches that refusal."""
    caught = [
        ast.unparse(node.type)
        for _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.type is not None
    ]

    assert not [each for each in caught if "TransactionManagementError" in each]


def test_walk__function_that_only_reads__leads_to_no_row():
    assert not any(reaches_a_row(name) for name in ("live_versions", "away", "reviewers"))
    assert CALLS["live_versions"]
    assert CALLS["away"]
