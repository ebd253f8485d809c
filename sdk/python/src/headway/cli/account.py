"""`headway login`, `logout` and `whoami`."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from headway.cli import profiles
from headway.cli.asking import command, server_options
from headway.cli.failures import DONE, NOT_ALLOWED, Failed
from headway.cli.profiles import Login
from headway.cli.shell import Shell

LOGIN = """keep a key for later commands
The key is read from HEADWAY_KEY, from standard input when that is no terminal, or asked for; it is never
given as an argument, where other users of the machine could see it. Make one under Flags > Keys: scope admin
to change flags, read to look at them."""


def register(subparsers: Any) -> None:
    parser = command(subparsers, "login", login, LOGIN, uses_server=False)
    server_options(parser)
    parser = command(subparsers, "logout", logout, "forget a kept key", uses_server=False)
    parser.add_argument("--profile", help="which log-in (else the newest)")
    command(subparsers, "whoami", whoami, "say which server and environment commands work on")


def login(options: argparse.Namespace, shell: Shell) -> int:
    url = profiles.checked_url(
        options.url or shell.variables.get("HEADWAY_URL") or _ask("Address of the console: ")
    )
    key = _key(shell)
    server = shell.connect(Login(url, key, ""))
    told = server.get("whoami")
    name = options.profile or profiles.DEFAULT
    environment = str(told.get("environment") or "")
    path = profiles.keep(shell.variables, name, Login(url, key, environment))
    content = {"url": url, "profile": name, "kept_in": str(path), **told}
    scope = told.get("scope")
    shell.give(content, [f"Logged in to {url}, environment {environment}, scope {scope} (profile {name})."])
    return DONE


def logout(options: argparse.Namespace, shell: Shell) -> int:
    name = options.profile or profiles.current(shell.variables)
    if not profiles.forget(shell.variables, name):
        raise Failed(f"There is no log-in {name}.", code=NOT_ALLOWED)
    shell.give(
        {"forgotten": name},
        [f"Forgot the key of {name}. The key itself still works; revoke it in the console."],
    )
    return DONE


def whoami(options: argparse.Namespace, shell: Shell) -> int:
    told = shell.server.get("whoami")
    place = told.get("environment") or "every environment"
    shell.give(
        {"url": shell.server.url, **told},
        [f"{told.get('name')} on {shell.server.url}: {place}, scope {told.get('scope') or 'person'}"],
    )
    return DONE


def _key(shell: Shell) -> str:
    key = shell.variables.get("HEADWAY_KEY") or (
        getpass.getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline()
    )
    if not key.strip():
        raise Failed("No key was given. Make one under Flags > Keys and paste it.", code=NOT_ALLOWED)
    return key.strip()


def _ask(question: str) -> str:
    if not sys.stdin.isatty():
        raise Failed("No address was given. Add --url or set HEADWAY_URL.")
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()
