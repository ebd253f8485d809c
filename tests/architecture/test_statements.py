"""No statement is put together from texts that somebody wrote: where SQL is run, it is a constant, what Ibis
made of an expression, or a constant with names of our own tables and literals that sqlglot quoted in it.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = "ledger organisation flags metrics experiments events analysis impact observability governance culture"
SOURCES = sorted(
    path
    for app in (*APPS.split(), "config")
    for path in (ROOT / app).rglob("*.py")
    if path.parent.name != "migrations"
)
RUNNERS = ("execute", "executemany", "sql", "query", "from_query", "raw", "extra", "RawSQL", "filter_sql")
CONSTANT = re.compile(r"(\w+\.)?[A-Z][A-Z_]+")
OURS = {
    "analysis/engines/": {
        *("name", "self.name", "total"),
        *("statement", "parts", "folders", "listed", "nothing(self.schema)"),
        "Literal.string(str(path)).sql('duckdb')",
    },
}
"""What may stand inside a statement below these folders: names of our own tables, and what Ibis made of an
expression or sqlglot quoted."""


def ours(path):
    """The placeholders that are ours in this file."""
    return {name for folder, names in OURS.items() if path.startswith(folder) for name in names}


def unsafe(source, own=frozenset()):
    """Lines that hand a text put together on the spot to something that runs SQL."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and _called(node) in RUNNERS:
            yield from _put_together(node.args[0], own)


def _called(call):
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _put_together(argument, own):
    if isinstance(argument, ast.JoinedStr):
        inside = {ast.unparse(each.value) for each in argument.values if isinstance(each, ast.FormattedValue)}
        foreign = sorted(name for name in inside - set(own) if not CONSTANT.fullmatch(name))
        if foreign:
            yield f"line {argument.lineno}: {foreign}"
    elif isinstance(argument, ast.BinOp) or (
        isinstance(argument, ast.Call)
        and _called(argument) in ("format", "join", "replace", "format_map")
        and not ast.unparse(argument).startswith("make.format(sql.Identifier")
        and not ast.unparse(argument).startswith("sql.SQL(")
    ):
        yield f"line {argument.lineno}: {ast.unparse(argument)[:80]}"


def test_statements__wherever_they_are_run__not_put_together_from_texts():
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in SOURCES}
    running = {path: text for path, text in texts.items() if any(f"{name}(" in text for name in RUNNERS)}

    found = {path: list(unsafe(text, ours(path))) for path, text in running.items()}

    assert len(running) > 10
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "con.sql(f\"SELECT * FROM t WHERE name = '{text}'\")",
        "cursor.execute('SELECT * FROM ' + table)",
        "cursor.execute('SELECT %s' % text)",
        "cursor.execute('SELECT {}'.format(text))",
        "Model.objects.extra(f'x = {text}')",
        "Model.objects.raw(' '.join(parts))",
    ],
)
def test_unsafe__a_text_in_a_statement__would_be_seen(line):
    assert list(unsafe(line))


def test_unsafe__constants_and_parameters__are_fine():
    assert not list(unsafe("cursor.execute('SELECT %s', [text]); con.sql(statement)"))
