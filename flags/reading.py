"""JSON as people type it into a form: read strictly, refused with line and column. Pure."""

import json
from typing import Any

from ledger.refusals import refuse


class Twice(ValueError):
    """An object names a key twice; readers would silently keep the last one."""


def read_json(field: str, text: str, *, empty: Any) -> Any:
    """The content of a field; `empty` when nothing was typed. Raises Refused."""
    if not text.strip():
        return empty
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise refuse(
            field, _around(text, error.pos), f"this is no JSON at {place}: {error.msg}", HELP
        ) from None
    except (ValueError, RecursionError) as error:
        raise refuse(field, "…", f"this is no JSON: {error}", HELP) from None


HELP = "Texts stand in double quotes; there is no comma after the last entry."


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise Twice(f'the key "{next(name for name in names if names.count(name) > 1)}" stands here twice')
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number that JSON knows")


def _around(text: str, position: int) -> str:
    """A few characters on both sides of where reading stopped."""
    return text[max(0, position - 20) : position + 20].replace("\n", " ")


def shown(content: Any) -> str:
    """The content as it is put into a form again: short parts on one line, names in a readable order."""
    return _laid_out(content, 0)


FIRST = ("id", "when", "attribute", "op", "value", "variant", "flag", "split", "coverage_ppm", "arms")
LINE = 100


def _laid_out(content: Any, indent: int) -> str:
    content = _in_order(content)
    flat = json.dumps(content, ensure_ascii=False)
    if not content or not isinstance(content, dict | list) or (indent and len(flat) + indent <= LINE):
        return flat
    pad, inner = " " * indent, " " * (indent + 2)
    if isinstance(content, list):
        lines = [f"{inner}{_laid_out(each, indent + 2)}" for each in content]
        return "[\n" + ",\n".join(lines) + f"\n{pad}]"
    lines = [
        f"{inner}{json.dumps(key, ensure_ascii=False)}: {_laid_out(each, indent + 2)}"
        for key, each in content.items()
    ]
    return "{\n" + ",\n".join(lines) + f"\n{pad}}}"


def _in_order(content: Any) -> Any:
    """Names that people look for come first; the database does not keep the order they were typed in."""
    if isinstance(content, list):
        return [_in_order(each) for each in content]
    if not isinstance(content, dict):
        return content
    names = sorted(content, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    return {name: _in_order(content[name]) for name in names}
