"""What a command works with: where it writes, what the environment says, and the server it talks to."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from headway.cli import profiles
from headway.cli.failures import NOT_ALLOWED, Failed, wrong
from headway.cli.server import Server

COLOURS = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "strong": "1"}
DEFAULT_TIMEOUT_S = 30.0


class Shell:
    """Output, environment variables and the log-in of one run of a command."""

    def __init__(
        self,
        options: Any,
        *,
        out: TextIO | None = None,
        err: TextIO | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self.variables = os.environ if variables is None else variables
        self.wants_json = bool(getattr(options, "json", False))
        self._options = options
        self._is_coloured = self._may_colour()
        self._server: Server | None = None

    # Saying

    def say(self, text: str = "") -> None:
        """A line of the answer, to standard output."""
        self.out.write(f"{text}\n")

    def note(self, text: str) -> None:
        """Something beside the answer, to standard error."""
        self.err.write(f"{text}\n")

    def give(self, content: Any, lines: Iterable[str]) -> None:
        """The answer: JSON when asked for, else the lines."""
        if self.wants_json:
            self.say(json.dumps(content, ensure_ascii=False, indent=2))
            return
        for line in lines:
            self.say(line)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
        """Rows in columns that are as wide as they need to be."""
        texts = [[_plain(cell) for cell in row] for row in rows]
        widths = [max(len(row[at]) for row in [list(head), *texts]) for at in range(len(head))]
        lines = [
            self.colour("  ".join(name.ljust(width) for name, width in zip(head, widths)).rstrip(), "dim")
        ]
        return lines + ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in texts]

    def colour(self, text: str, tone: str) -> str:
        """The text in colour on a terminal, as it is elsewhere."""
        return f"\033[{COLOURS[tone]}m{text}\033[0m" if self._is_coloured and text else text

    def _may_colour(self) -> bool:
        if self.variables.get("NO_COLOR") or self.variables.get("TERM") == "dumb" or self.wants_json:
            return False
        return bool(getattr(self.out, "isatty", lambda: False)())

    # Asking

    def confirm(self, question: str, *, is_given: bool) -> None:
        """Raises Failed unless the person agrees; without a terminal only `--yes` does."""
        if is_given:
            return
        if not sys.stdin.isatty():
            raise Failed("This needs an answer and there is no terminal to ask. Add --yes.")
        self.err.write(f"{question} [y/N] ")
        self.err.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Failed("Nothing was changed.")

    # The server

    @property
    def server(self) -> Server:
        """The server of the profile, or of HEADWAY_URL and HEADWAY_KEY."""
        if self._server is None:
            self._server = self.connect(self._login())
        return self._server

    def connect(self, login: profiles.Login) -> Server:
        if login.url.startswith("http://") and not _is_near(login.url):
            self.note(f"warning: {login.url} is not encrypted; the key can be read on the way")
        timeout_s = getattr(self._options, "timeout", None) or DEFAULT_TIMEOUT_S
        return Server(login.url, login.key, timeout_s, login.environment)

    @property
    def environment(self) -> str:
        """The environment that is worked on: `--environment`, else the key's own."""
        named: str = getattr(self._options, "environment", None) or ""
        return named or self.server.environment

    def _login(self) -> profiles.Login:
        url, key = (self._variable(name) for name in ("HEADWAY_URL", "HEADWAY_KEY"))
        url = getattr(self._options, "url", None) or url
        if url and key:
            return profiles.Login(profiles.checked_url(url), key, "")
        kept = profiles.read(self.variables, getattr(self._options, "profile", None), self.note)
        if kept is None:
            fix = "Run `headway login`, or set HEADWAY_URL and HEADWAY_KEY."
            raise Failed(f"You are not logged in. {fix}", code=NOT_ALLOWED)
        if not url and not key:
            return kept
        if url and profiles.checked_url(url) != kept.url:
            raise Failed(
                wrong("url", url, f"the key that is kept belongs to {kept.url}", "Set HEADWAY_KEY as well."),
                code=NOT_ALLOWED,
            )
        return kept._replace(key=key, environment="") if key else kept

    def _variable(self, name: str) -> str:
        """A variable that may be unset. Set and empty is a slip that would be found out much later."""
        value = self.variables.get(name)
        if value is not None and not value.strip():
            raise Failed(wrong(name, value, "the variable is set but empty", "Unset it or give it a value."))
        return (value or "").strip()


def _is_near(url: str) -> bool:
    from urllib.parse import urlsplit

    return (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")


def _plain(cell: object) -> str:
    """A cell as text without control characters: a title must not move the cursor of a terminal."""
    text = "" if cell is None else str(cell)
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
