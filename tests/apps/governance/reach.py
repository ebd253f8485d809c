"""Who refers to what in the source: names resolved through imports and re-exports, without running anything.

A reference counts, not only a call: services stand in tables of routes too.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from config.embedded.home import CHECKOUT

APPS = (
    "flags", "experiments", "events", "metrics", "analysis", "impact", "observability", "governance",
    "culture", "organisation", "config", "demo",
)  # fmt: skip
ENTRANCES = ("api", "pages", "tasks", "handlers", "urls", "management", "admin", "apps")
"""Parts of a module's name that say somebody from outside comes in here."""


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the applications, by its dotted name."""
    found = {}
    for app in APPS:
        for path in (CHECKOUT / app).rglob("*.py"):
            if "migrations" not in path.parts:
                found[_name(path)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


@cache
def references() -> dict[str, frozenset[str]]:
    """For every top-level definition (`module.name`) the definitions it refers to."""
    found: dict[str, set[str]] = {}
    for module, tree in modules().items():
        for statement in tree.body:
            for name in _names_of(statement):
                found.setdefault(f"{module}.{name}", set()).update(_referred(module, statement))
    return {name: frozenset(whom) for name, whom in found.items()}


@cache
def reached(start: str) -> frozenset[str]:
    """Everything that may run because `start` does."""
    seen, waiting = {start}, [start]
    while waiting:
        for each in references().get(waiting.pop(), ()):
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return frozenset(seen - {start})


def refers_to(*targets: str) -> dict[str, set[str]]:
    """Who refers directly to which of the definitions."""
    wanted = set(targets)
    return {name: set(whom & wanted) for name, whom in references().items() if whom & wanted}


def is_entrance(name: str) -> bool:
    return any(part in ENTRANCES or part.startswith("urls_") for part in name.split(".")[1:-1])


@cache
def canonical(dotted: str) -> str:
    """Where a name is defined, following re-exports: flags.services.publish is that of versions."""
    module, rest = _split(dotted)
    if not module or not rest:
        return dotted
    moved = _imports(module).get(rest[0])
    if moved is None or moved == dotted:
        return f"{module}.{rest[0]}"
    return canonical(".".join([moved, *rest[1:]]))


def _split(dotted: str) -> tuple[str, list[str]]:
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in modules():
            return ".".join(parts[:length]), parts[length:]
    return "", parts


@cache
def _imports(module: str) -> dict[str, str]:
    """What each imported name of a module stands for; imports inside functions too."""
    found = {}
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Import):
            found.update({each.asname: each.name for each in node.names if each.asname})
            found.update({each.name.split(".")[0]: each.name.split(".")[0] for each in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({each.asname or each.name: f"{node.module}.{each.name}" for each in node.names})
    return found


def _referred(module: str, statement: ast.stmt) -> Iterator[str]:
    imported, own = _imports(module), _own(module)
    for node in ast.walk(statement):
        dotted = _dotted(node) if isinstance(node, ast.Name | ast.Attribute) else ""
        head = dotted.partition(".")[0]
        if head in imported:
            found = canonical(whole := imported[head] + dotted[len(head) :])
            yield from {found, found + whole[whole.find(".objects") :]} if ".objects." in whole else {found}
        elif head in own:
            yield f"{module}.{head}"


@cache
def _own(module: str) -> frozenset[str]:
    return frozenset(name for each in modules()[module].body for name in _names_of(each))


def _dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute chain that begins with a name; empty for others."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _names_of(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [each.id for each in statement.targets if isinstance(each, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


def _name(path: Path) -> str:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
