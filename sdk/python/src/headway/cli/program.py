"""The `headway` command itself: finds its subcommands, runs one, turns every failure into words."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TextIO

import headway
import headway.cli
from headway.cli.failures import CODES, INTERRUPTED, REFUSED, UNREACHABLE, USAGE, Failed
from headway.cli.shell import Shell

GROUP = "headway.commands"
Run = Callable[[argparse.Namespace, Shell], int]


class Parser(argparse.ArgumentParser):
    """argparse with an exit code of its own for wrong usage, so that 2 can mean "there is a difference"."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(
    arguments: Sequence[str] | None = None,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Run a command; the exit code. Wrong usage raises SystemExit, as argparse does."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _read_and_write_utf8()
    options = _parser(words).parse_args(words)
    shell = Shell(options, out=out, err=err, variables=variables)
    return _ended(options, shell)


def _ended(options: argparse.Namespace, shell: Shell) -> int:
    try:
        run: Run = options.run
        code = run(options, shell)
        shell.out.flush()
        return code
    except Failed as failed:
        for line in failed.lines:
            shell.note(shell.colour("error: ", "bad") + line)
        return failed.code
    except KeyboardInterrupt:
        shell.note("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain about it while it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, RecursionError, MemoryError) as error:
        shell.note(f"error: {type(error).__name__}: {error}")
        return UNREACHABLE if isinstance(error, ConnectionError) else REFUSED


def _parser(words: Sequence[str]) -> Parser:
    codes = "\n".join(f"  {code:<4}{meaning}" for code, meaning in CODES.items())
    parser = Parser(
        prog="headway",
        description="Flags, reviewed files, code references and reports from a terminal or a build.",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"headway {headway.__version__}")
    subparsers = parser.add_subparsers(
        title="commands", metavar="command", required=True, parser_class=Parser
    )
    for register in _own_commands():
        register(subparsers)
    first = next((word for word in words if not word.startswith("-")), "")
    if first not in subparsers.choices:
        for register in _other_commands():
            register(subparsers)
    return parser


def _own_commands() -> list[Callable[[Any], None]]:
    found = []
    for module in sorted(each.name for each in pkgutil.iter_modules(headway.cli.__path__)):
        if module != "__main__":
            loaded = importlib.import_module(f"headway.cli.{module}")
            register = getattr(loaded, "register", None)
            if register is not None:
                found.append(register)
    return found


def _other_commands() -> list[Callable[[Any], None]]:
    """Commands of installed packages; looked for when the word is none of ours, because that takes time."""
    from importlib.metadata import entry_points

    every = entry_points()
    chosen = every.select(group=GROUP) if hasattr(every, "select") else every.get(GROUP, ())
    return [entry.load() for entry in chosen]


def _read_and_write_utf8() -> None:
    """Titles hold any letter; a terminal that cannot show one gets a question mark, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
