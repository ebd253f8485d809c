"""`headway refs`: which lines of a checkout name which flag, shown or sent to the server."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from headway.cli import scanning
from headway.cli.asking import command, environment_option
from headway.cli.failures import DIFFERS, DONE, Failed
from headway.cli.server import part
from headway.cli.shell import Shell

WORDS = """which lines of a checkout name which flag
Files that git ignores are left out. With --upload the server keeps file, line and a hash of each line, never
the line itself, in place of the last scan of the repository. --check ends with 2 when the code asks for a
flag that does not exist or is archived: put it into the build."""


def register(subparsers: Any) -> None:
    parser = command(subparsers, "refs", refs, WORDS)
    parser.add_argument("root", nargs="?", type=Path, default=Path(), help="the checkout (here)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATH", help="only this folder or file"
    )
    parser.add_argument(
        "--call", action="append", default=[], metavar="NAME", help="a function of yours that asks for flags"
    )
    parser.add_argument("--flag", help="only lines that name this flag")
    parser.add_argument(
        "--check", action="store_true", help="fail when a flag that is asked for is not there"
    )
    parser.add_argument("--upload", action="store_true", help="send what was found to the server")
    parser.add_argument("--repository", help="name on the server (the folder's name)")
    parser.add_argument("--commit", help="what was scanned (what git says)")
    parser.add_argument(
        "--link", default="", help="where a line can be read, with {commit}, {path} and {line}"
    )
    environment_option(parser)


def refs(options: argparse.Namespace, shell: Shell) -> int:
    root = options.root.resolve()
    if not root.is_dir():
        raise Failed(f"{options.root} is no folder.")
    state = shell.server.get(f"environments/{part(shell.environment)}/state")
    keys = {*state["flags"], *state["unserved"], *state["archived"]}
    found = scanning.scan(root, keys, options.call, options.only)
    archived = tuple(line for line in found.known if line.flag in set(state["archived"]))
    if options.upload:
        _upload(options, shell, root, found)
    _give(options, shell, found, archived, sorted(keys - set(state["archived"])))
    return DIFFERS if options.check and (found.unknown or archived) else DONE


def _upload(options: argparse.Namespace, shell: Shell, root: Path, found: scanning.Scan) -> None:
    body = {
        "repository": options.repository or root.name,
        "commit": options.commit or scanning.commit(root),
        "link": options.link,
        "files": found.files,
        "references": [line._asdict() for line in (*found.known, *found.unknown)],
    }
    shell.server.post("code-references", body)
    shell.note(f"{len(body['references'])} references of {body['repository']} sent to {shell.server.url}")


def _give(
    options: argparse.Namespace,
    shell: Shell,
    found: scanning.Scan,
    archived: tuple[scanning.Line, ...],
    keys: list[str],
) -> None:
    counts = scanning.counted(found.known)
    nowhere = [key for key in keys if key not in counts]
    content = {
        "files": found.files,
        "references": [line._asdict() for line in found.known],
        "unknown": [line._asdict() for line in found.unknown],
        "archived": [line._asdict() for line in archived],
        "nowhere": nowhere,
    }
    shown = [line for line in found.known if options.flag in (None, line.flag)]
    lines = [
        *(f"{line.path}:{line.line}  {line.flag}" for line in shown),
        *(
            shell.colour(f"{line.path}:{line.line}  {line.flag}: no such flag", "bad")
            for line in found.unknown
        ),
        *(shell.colour(f"{line.path}:{line.line}  {line.flag}: archived", "warn") for line in archived),
        f"{len(found.known)} references to {len(counts)} flags in {found.files} files",
        *([f"named nowhere: {', '.join(nowhere)}"] if nowhere else []),
    ]
    shell.give(content, lines)
