"""A typed Python module from the flags of an environment: names and variants that a type checker knows.

    python -m headway.codegen --from flags.json --out myapp/flags.py
    python -m headway.codegen --url https://headway.example.com --out myapp/flags.py --check

The key is read from the environment variable HEADWAY_KEY. `--check` writes nothing and ends with 1 when the
module is not what the flags are now.
"""

from __future__ import annotations

import argparse
import keyword
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headway.configuring import PATH
from headway.evaluation import ConfigRefused, compile_config
from headway.reading import parsed
from headway.transport import Transport, Unreachable

__all__ = ["main", "module_of"]

_TYPES = {
    "bool": ("bool", "False"),
    "string": ("str", '""'),
    "number": ("float", "0.0"),
    "json": ("Any", "None"),
}


def module_of(document: Mapping[str, Any]) -> str:
    """The text of the module. Depends on keys, types and variants only, so it changes only with them."""
    flags = sorted(document["flags"].items())
    names = iter(_names(flags))
    methods = [_method(next(names), key, entry) for key, entry in flags]
    body = "\n".join(methods) if methods else "    pass\n"
    return (
        f'"""The flags of {_comment(document)}, written by headway.codegen; do not edit."""\n\n'
        "from __future__ import annotations\n\n"
        "from collections.abc import Mapping\n"
        "from typing import Any, Literal, Optional, cast\n\n"
        "from headway import Client\n\n"
        f"{_literal('FlagKey', [key for key, _ in flags])}\n\n"
        "class Flags:\n"
        '    """One method for each flag\'s value and one for its variant."""\n\n'
        "    def __init__(self, client: Client) -> None:\n"
        "        self._client = client\n"
        f"\n{body}"
    )


def _comment(document: Mapping[str, Any]) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "", str(document.get("environment", ""))) or "an environment"


def _names(flags: Sequence[tuple[str, Any]]) -> list[str]:
    """A method name for each key, made different where two keys would share one."""
    taken: set[str] = set()
    names = []
    for key, _ in flags:
        name = re.sub(r"\W", "_", key.lower(), flags=re.ASCII)
        name = f"flag_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name
        while {name, f"{name}_variant"} & taken:
            name += "_"
        taken |= {name, f"{name}_variant"}
        names.append(name)
    return names


def _method(name: str, key: str, entry: Mapping[str, Any]) -> str:
    kind, default = _TYPES[entry["type"]]
    arguments = "self, unit: object, attributes: Optional[Mapping[str, object]] = None"
    accessor = "bool" if kind == "bool" else entry["type"]
    literal = f"Optional[Literal[{', '.join(repr(variant) for variant in entry['variants'])}]]"
    return (
        f"    def {name}(\n        {arguments}, default: {kind} = {default}\n    ) -> {kind}:\n"
        f"        return self._client.{accessor}({key!r}, unit, attributes, default)\n\n"
        f"    def {name}_variant(\n        {arguments}\n    ) -> {literal}:\n"
        f"        found = self._client.evaluate({key!r}, unit, attributes).variant\n"
        f"        return cast({literal!r}, found)\n"
    )


def _literal(name: str, values: Sequence[str]) -> str:
    if not values:
        return f'{name} = Literal[""]\n'
    lines = "".join(f"    {value!r},\n" for value in values)
    return f"{name} = Literal[\n{lines}]\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all is well, 1 when `--check` finds a difference, 2 when there is no usable document."""
    options = _options(arguments)
    try:
        text = module_of(_document(options))
    except (ConfigRefused, ValueError, OSError, Unreachable, RecursionError) as error:
        print(f"headway codegen: {error}", file=sys.stderr)  # noqa: T201 - a command talks to its user
        return 2
    out = Path(options.out)
    if options.check:
        is_same = out.exists() and out.read_text(encoding="utf-8") == text
        if not is_same:
            print(f"headway codegen: {out} is not up to date", file=sys.stderr)  # noqa: T201
        return 0 if is_same else 1
    out.write_text(text, encoding="utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="headway codegen", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--from", dest="file", help="a configuration document as JSON")
    source.add_argument("--url", help="address of the server; the key is read from HEADWAY_KEY")
    parser.add_argument("--out", required=True, help="the module to write")
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    return parser.parse_args(arguments)


def _document(options: argparse.Namespace) -> Mapping[str, Any]:
    """A checked document from a file or the server."""
    body = Path(options.file).read_bytes() if options.file else _fetched(options.url)
    return compile_config(parsed(body)).document


def _fetched(url: str) -> bytes:
    key = os.environ.get("HEADWAY_KEY", "")
    if not key:
        raise ValueError("HEADWAY_KEY is not set; it holds a key of scope server")
    answer = Transport(url, "headway-codegen", 10.0).send("GET", PATH, key, {"Accept-Encoding": "gzip"})
    if answer.status != 200:
        raise ValueError(f"the server answered {answer.status}")
    return answer.body


if __name__ == "__main__":
    sys.exit(main())
