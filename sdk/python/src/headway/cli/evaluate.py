"""`headway evaluate`: what a unit gets, decided here by the SDK's own evaluation, with every step to it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from headway.cli.asking import command, environment_option
from headway.cli.failures import DONE, REFUSED, Failed, wrong
from headway.cli.reading import read_json, read_text
from headway.cli.server import part
from headway.cli.shell import Shell
from headway.evaluation import Config, ConfigRefused, compile_config, explain

WORDS = """what a unit gets from a flag, and why
The configuration is the one the server serves now, or a file (--config). It is evaluated here, by the code
that runs in your product; nothing is counted as an exposure. --draft asks the server about the draft."""


def register(subparsers: Any) -> None:
    parser = command(subparsers, "evaluate", evaluate, WORDS)
    parser.add_argument("flag")
    parser.add_argument("--unit", help="who is decided for")
    parser.add_argument(
        "-a",
        "--attribute",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="true, false, numbers and JSON are read as such; everything else is text",
    )
    parser.add_argument("--context", type=Path, metavar="FILE", help="attributes as a JSON object")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--config", type=Path, metavar="FILE", help="a configuration document")
    source.add_argument("--draft", action="store_true", help="the draft instead of what is live")
    parser.add_argument("--trace", action="store_true", help="every step to the answer")
    environment_option(parser)


def served(shell: Shell) -> Config:
    """What the server serves in the environment now."""
    place = shell.environment
    body = shell.server.bytes(f"environments/{part(place)}/document")
    return compiled(body.decode("utf-8", "replace"), f"the document of {place}")


def compiled(text: str, name: str) -> Config:
    """The configuration in a text. Raises Failed with everything that is wrong with it."""
    try:
        return compile_config(read_json(text, name))
    except ConfigRefused as refused:
        raise Failed(*(f"{name}: {problem}" for problem in refused.problems[:20])) from None
    except RecursionError:
        raise Failed(f"{name}: this is nested too deeply.") from None


def evaluate(options: argparse.Namespace, shell: Shell) -> int:
    attributes = _attributes(options)
    if options.draft:
        told = _of_draft(options, shell, attributes)
    else:
        told = explain(_config(options, shell), options.flag, options.unit, attributes)
    answer = told["evaluation"]
    shell.give(told, _lines(told, with_trace=options.trace))
    return REFUSED if answer["reason"] in ("FLAG_NOT_FOUND", "ERROR") else DONE


def _config(options: argparse.Namespace, shell: Shell) -> Config:
    if options.config is not None:
        return compiled(read_text(options.config), str(options.config))
    return served(shell)


def _of_draft(options: argparse.Namespace, shell: Shell, attributes: dict[str, Any]) -> dict[str, Any]:
    place = f"flags/{part(options.flag)}/environments/{part(shell.environment)}/preview"
    sent = {"unit": options.unit, "attributes": attributes, "of": "draft"}
    told: dict[str, Any] = shell.server.post(place, sent)
    return told


def _attributes(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if options.context is not None:
        content = read_json(read_text(options.context), str(options.context))
        if not isinstance(content, dict):
            raise Failed(f"{options.context}: attributes are a JSON object.")
        found.update(content)
    for text in options.attribute:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise Failed(wrong("attribute", text, "this is no attribute", "For example -a country=de."))
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _lines(told: dict[str, Any], *, with_trace: bool) -> list[str]:
    answer = told["evaluation"]
    rule = f", rule {answer['rule']}" if answer.get("rule") else ""
    value = json.dumps(answer.get("value"), ensure_ascii=False)
    variant = answer.get("variant") or "the default in the code"
    lines = [f"{answer.get('flag', '')}: {variant} = {value} ({answer['reason']}{rule})"]
    return lines + [f"  {_step(step)}" for step in told["steps"]] if with_trace else lines


def _step(step: dict[str, Any]) -> str:
    rest = {name: value for name, value in step.items() if name not in ("step", "when")}
    said = ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in rest.items())
    when = f"; condition {json.dumps(step['when'], ensure_ascii=False)}" if "when" in step else ""
    return f"{step['step']}: {said}{when}"
