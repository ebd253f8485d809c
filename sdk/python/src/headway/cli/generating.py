"""`headway codegen`: a typed Python module from the flags of the server or of a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from headway.cli.asking import command, environment_option
from headway.cli.evaluate import compiled, served
from headway.cli.failures import DIFFERS, DONE, Failed
from headway.cli.reading import read_text
from headway.cli.shell import Shell
from headway.codegen import module_of

WORDS = """write a typed Python module: a name and its variants for every flag
The flags are those the server serves now, or of a document (--from). --check writes nothing and ends with 2
when the module is behind the flags: put it into the build."""


def register(subparsers: Any) -> None:
    parser = command(subparsers, "codegen", generate, WORDS)
    parser.add_argument("--from", dest="source", type=Path, metavar="FILE", help="a configuration document")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="MODULE", help="the module, for example app/flags.py"
    )
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    environment_option(parser)


def generate(options: argparse.Namespace, shell: Shell) -> int:
    text = _module(options, shell)
    try:
        is_same = options.out.exists() and options.out.read_text(encoding="utf-8") == text
        if not (is_same or options.check):
            options.out.write_bytes(text.encode())
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{options.out} cannot be used: {error}.") from None
    state = "is up to date" if is_same else "is behind the flags" if options.check else "is written"
    shell.give({"module": str(options.out), "is_same": is_same}, [f"{options.out} {state}."])
    return DIFFERS if options.check and not is_same else DONE


def _module(options: argparse.Namespace, shell: Shell) -> str:
    if options.source is None:
        return module_of(served(shell).document)
    return module_of(compiled(read_text(options.source), str(options.source)).document)
