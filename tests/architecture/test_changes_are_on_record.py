"""Every service that somebody's name goes into writes an audit row, itself or through what it calls."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = (
    "ledger", "organisation", "flags", "metrics", "experiments", "events", "analysis", "impact",
    "observability", "governance", "culture",
)  # fmt: skip
ROW = ("ledger.audit", "record")
Name = tuple[str, str]
"""Module and function."""


CHANGES_NOTHING = ("flags.services.versions", "checked_definition")
"""It judges a definition in the place it would have, and stores nothing."""
THROUGH_A_REGISTRY = ("organisation.services.handing", "hand_over_everything")
"""It calls what each app registered; tests/apps/site/test_ownership.py counts a row for every thing."""


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def trees() -> dict[str, ast.Module]:
    files = (file for app in APPS for file in (ROOT / app).rglob("*.py") if "migrations" not in file.parts)
    return {name_of(file): ast.parse(file.read_text(encoding="utf-8")) for file in files}


@cache
def defined(module: str) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    """What the module defines at its top."""
    body = trees()[module].body if module in trees() else []
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@cache
def imported(module: str) -> dict[str, Name]:
    """Local name → the module and the name there; the name is empty for a module itself."""
    found: dict[str, Name] = {}
    for node in ast.walk(trees()[module]):
        if isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                whole = f"{node.module}.{each.name}"
                found[each.asname or each.name] = (
                    (whole, "") if whole in trees() else (node.module, each.name)
                )
    return found


def resolved(module: str, name: str) -> Name | None:
    """Where a name of the module is defined, through imports and what packages hand on."""
    for _ in range(8):
        if (module, name) == ROW or name in defined(module):
            return module, name
        if module not in trees() or name not in imported(module):
            return None
        module, name = imported(module)[name]
    return None


def mentioned(module: str, node: ast.AST) -> Iterator[Name]:
    """Functions that are called or handed on: `name` and `module.name`."""
    for each in ast.walk(node):
        found = None
        if isinstance(each, ast.Name):
            found = resolved(module, each.id)
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            place, inner = imported(module).get(each.value.id, ("", "x"))
            found = resolved(place, each.attr) if not inner else None
        if found:
            yield found


def leads_to_a_row(start: Name) -> bool:
    seen, ahead = {start}, [start]
    while ahead:
        module, name = ahead.pop()
        for each in mentioned(module, defined(module)[name]):
            if each == ROW:
                return True
            if each not in seen:
                seen.add(each)
                ahead.append(each)
    return False


def is_change(node: ast.AST) -> bool:
    """A public service as they are written here: keyword-only, with who acts and when."""
    if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
        return False
    return {"actor", "now"} <= {argument.arg for argument in node.args.kwonlyargs}


@cache
def changes() -> list[Name]:
    """Every one; found when it is asked for, so that no worker reads all files only to collect the tests."""
    return sorted(
        (module, name)
        for module in trees()
        if ".services" in module
        for name, node in defined(module).items()
        if is_change(node) and (module, name) not in (CHANGES_NOTHING, THROUGH_A_REGISTRY)
    )


def test_services__found__many():
    assert len(changes()) > 100


def test_services__with_an_actor__lead_to_an_audit_row():
    silent = [".".join(service) for service in changes() if not leads_to_a_row(service)]

    assert silent == [], "these change something in somebody's name and call no audit.record"


def test_walk__functions_that_only_read__lead_to_no_row():
    readers = [
        ("flags.queries", "live_versions"),
        ("organisation.queries", "away"),
        ("metrics.queries", "owned"),
    ]

    assert [reader for reader in readers if leads_to_a_row(reader)] == []


WRITES = {"save", "create", "bulk_create", "get_or_create", "update_or_create", "bulk_update"}
"""Calls that store rows; `update` and `delete` count on what `objects` or `filter` gave."""


def stores(node: ast.AST) -> bool:
    """Whether this call stores rows itself."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    on = ast.unparse(node.func.value)
    is_of_model = ".objects" in on or ".filter(" in on
    if node.func.attr in {"update", "delete"}:
        return is_of_model
    return node.func.attr in WRITES and (is_of_model or node.func.attr == "save")


def is_atomic(node: ast.AST) -> bool:
    return any(
        "transaction.atomic" in ast.unparse(each)
        for each in (
            *getattr(node, "decorator_list", ()),
            *(item.context_expr for item in getattr(node, "items", ())),
        )
    )


def stored_outside(node: ast.AST) -> list[int]:
    """Lines at which rows are stored while no transaction is open."""
    if is_atomic(node):
        return []
    own = [node.lineno] if stores(node) and isinstance(node, ast.Call) else []
    return own + [line for child in ast.iter_child_nodes(node) for line in stored_outside(child)]


def test_services__with_an_actor__store_nothing_outside_the_transaction_of_the_row():
    loose = {}
    for module, name in changes():
        lines = stored_outside(defined(module)[name])
        if lines:
            loose[f"{module}.{name}"] = lines

    assert loose == {}


def test_stored_outside__write_before_the_transaction__found():
    lines = ("def f():", "    row.save()", "    with transaction.atomic():", "        M.objects.create()")

    assert stored_outside(ast.parse("\n".join(lines))) == [2]
