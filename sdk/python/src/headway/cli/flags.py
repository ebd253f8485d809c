"""`headway flags …`: look at flags, change them, open and close them."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from headway.cli import planning
from headway.cli.asking import command, environment_option, reason_option
from headway.cli.failures import DONE, Failed, wrong
from headway.cli.reading import read_data
from headway.cli.server import part
from headway.cli.shell import Shell
from headway.cli.yaml_writing import written

WHOLE_PPM = 1_000_000
FIELDS = ("default", "off")

RAMP = """open or close a flag's split: `ramp KEY 25%`, or let a plan do it: `ramp KEY --plan careful`
Raising the coverage only adds units, lowering only takes the last ones away; nobody changes arm."""
SET = """write a draft: a whole definition from a file, or another default
Nothing is served differently until it is published; --publish does that at once."""


def register(subparsers: Any) -> None:
    group = subparsers.add_parser("flags", help="look at flags, change them, open and close them")
    inside = group.add_subparsers(
        title="commands", metavar="command", required=True, parser_class=type(group)
    )
    _register_looks(inside)
    _register_changes(inside)


def _register_looks(inside: Any) -> None:
    parser = command(inside, "list", listed, "all flags of the environment")
    parser.add_argument("--search", default="", help="only flags with this in key, title or owner")
    environment_option(parser)
    parser = _one(inside, "show", show, "one flag: what it serves, its rules, what waits")
    parser = _one(inside, "versions", versions, "the versions of a flag, newest first")
    parser.add_argument("--limit", type=int, default=20)


def _register_changes(inside: Any) -> None:
    parser = command(inside, "create", create, "make a flag that serves its default in the environment")
    parser.add_argument("key")
    parser.add_argument("--type", required=True, choices=("bool", "string", "number", "json"))
    for name in ("title", "owner", "kind", "unit-type", "expires-on"):
        parser.add_argument(f"--{name}")
    parser = _one(inside, "set", set_, SET)
    parser.add_argument(
        "-f", "--file", type=Path, help="the definition as YAML or JSON, - for standard input"
    )
    parser.add_argument("--default", help="the variant that everybody gets whom no rule gives another one")
    parser.add_argument("--publish", action="store_true", help="put it in force at once")
    reason_option(parser)
    parser = _one(inside, "publish", publish, "put the draft in force")
    reason_option(parser)
    for name, run, words in (
        ("on", on, "let the rules decide again"),
        ("off", off, "the kill switch: everybody gets the variant that `off` names"),
        ("kill", off, "the same as off"),
    ):
        reason_option(_one(inside, name, run, words), is_needed=True)
    _register_ramp(inside)
    parser = _one(inside, "revert", revert, "put an earlier version in force again, as a new version")
    parser.add_argument("number", type=int)
    reason_option(parser)
    parser = command(inside, "archive", archive, "take a flag out of every environment's document")
    parser.add_argument("key")
    reason_option(parser, is_needed=True)


def _register_ramp(inside: Any) -> None:
    parser = _one(inside, "ramp", ramp, RAMP)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("coverage", nargs="?", type=coverage, metavar="PERCENT", help="such as 0.5%% or 25%%")
    how.add_argument("--plan", help="start a ramp from this plan")
    for name in ("pause", "resume", "end", "rollback"):
        how.add_argument(
            f"--{name}", dest="act", action="store_const", const=name, help=f"{name} the open ramp"
        )
    parser.add_argument("--rule", help="id of the rule, when several have a coverage")
    reason_option(parser)


def _one(inside: Any, name: str, run: Any, words: str) -> argparse.ArgumentParser:
    parser = command(inside, name, run, words)
    parser.add_argument("key", help="key of the flag")
    environment_option(parser)
    return parser


# Looking


def listed(options: argparse.Namespace, shell: Shell) -> int:
    state = shell.server.get(f"environments/{part(shell.environment)}/state")
    wanted = options.search.lower()
    rows = [
        {"key": key, **summary(flag)}
        for key, flag in sorted(state["flags"].items())
        if wanted in f"{key} {flag['title']} {flag['owner']}".lower()
    ]
    head = ("flag", "state", "serves", "version", "owner", "title")
    cells = [[row["key"], *(row[name] for name in head[1:])] for row in rows]
    empty = [
        f"No flag is served in {state['environment']}" + (f" with {options.search} in it." if wanted else ".")
    ]
    shell.give(rows, shell.table(head, cells) if rows else empty)
    return DONE


def summary(flag: dict[str, Any]) -> dict[str, Any]:
    """One row of the list: what the flag does at the moment."""
    definition = flag["definition"]
    rules, rest = definition["rules"], definition["default"] or "the default in the code"
    experiments = [rule["experiment"] for rule in rules if "experiment" in rule]
    state = (
        "off"
        if not definition["on"]
        else "held"
        if flag["is_held"]
        else "experiment"
        if experiments
        else "on"
    )
    serves = definition["off"] if not definition["on"] else _serves(rules, rest)
    kept = {name: flag[name] for name in ("version", "owner", "title", "type", "kind", "has_draft", "ramp")}
    return {"state": state, "serves": serves, "experiments": experiments, **kept}


def _serves(rules: list[dict[str, Any]], rest: str) -> str:
    if not rules:
        return f"{rest} to everybody"
    splits = [percent(rule["split"]["coverage_ppm"]) for rule in rules if "split" in rule]
    shown = f", split {'/'.join(splits)}" if splits else ""
    return f"{len(rules)} rule{'s' if len(rules) > 1 else ''}{shown}, else {rest}"


def show(options: argparse.Namespace, shell: Shell) -> int:
    place = shell.server.get(_place(options, shell))
    live = place["live"]
    lines = [
        f"{place['flag']} in {place['environment']}: {place['state']}, serves {place['serves']}",
        *(f"held by {hold['held_by']}: {hold['reason']}" for hold in place["holds"]),
    ]
    if live:
        lines.append(f"version {live['number']} by {live['published_by']} at {live['published_at']}")
        definition = {
            **live["definition"],
            "rules": list(map(planning.rule_in_order, live["definition"]["rules"])),
        }
        lines += ["", written(definition).rstrip()]
    if place["draft"]:
        lines += [
            "",
            f"draft {place['draft']['number']} by {place['draft']['author']}:",
            *place["draft"]["changes"],
        ]
    shell.give(place, lines)
    return DONE


def versions(options: argparse.Namespace, shell: Shell) -> int:
    rows = shell.server.pages(f"{_place(options, shell)}/versions", options.limit)
    cells = [
        [
            row["number"],
            row["state"],
            row["published_at"] or row["edited_at"],
            row["published_by"] or row["author"],
            row["reason"] or "; ".join(row["changes"]),
        ]
        for row in rows
    ]
    shell.give(rows, shell.table(("version", "state", "at", "by", "why"), cells))
    return DONE


# Changing


def create(options: argparse.Namespace, shell: Shell) -> int:
    body = {"key": options.key, "value_type": options.type}
    for name in ("title", "owner", "kind", "unit_type", "expires_on"):
        if getattr(options, name):
            body[name] = getattr(options, name)
    made = shell.server.post("flags", body)
    shell.give(made, [f"Made {made['key']}. It serves its default to everybody."])
    return DONE


def set_(options: argparse.Namespace, shell: Shell) -> int:
    if (options.file is None) == (options.default is None):
        raise Failed("Say what to set: a definition with -f, or --default VARIANT.")
    place = _place(options, shell)
    told = shell.server.get(place)
    live = told["live"]["definition"] if told["live"] else None
    wanted = _definition(options, live)
    saved = shell.server.put(f"{place}/draft", {"definition": wanted})
    if not options.publish:
        lines = [f"Draft {saved['number']} is saved; nothing is served differently yet.", *saved["changes"]]
        shell.give(saved, lines)
        return DONE
    sent = {"reason": options.reason, "seen": saved["checksum"]}
    return _told(shell, shell.server.post(f"{place}/versions/{saved['number']}/publish", sent))


def _definition(options: argparse.Namespace, live: dict[str, Any] | None) -> dict[str, Any]:
    if options.file is None:
        if live is None:
            raise Failed(f"{options.key} is not served there yet. Give the whole definition with -f.")
        return {**live, "default": options.default}
    content = read_data(options.file)
    if not isinstance(content, dict):
        raise Failed(f"{options.file}: a definition is a mapping with variants and rules.")
    identity = {name: content[name] for name in ("type", "unit_type") if name in content}
    return {**planning.definition_of(content, live), **identity}


def publish(options: argparse.Namespace, shell: Shell) -> int:
    place = _place(options, shell)
    draft = shell.server.get(f"{place}/draft")
    sent = {"reason": options.reason, "seen": draft["checksum"]}
    return _told(shell, shell.server.post(f"{place}/versions/{draft['number']}/publish", sent))


def on(options: argparse.Namespace, shell: Shell) -> int:
    place = f"{_place(options, shell)}/switch-on"
    return _told(shell, shell.server.post(place, {"reason": options.reason}))


def off(options: argparse.Namespace, shell: Shell) -> int:
    place = f"{_place(options, shell)}/switch-off"
    return _told(shell, shell.server.post(place, {"reason": options.reason}))


def ramp(options: argparse.Namespace, shell: Shell) -> int:
    place = _place(options, shell)
    body = {"reason": options.reason, **({"rule": options.rule} if options.rule else {})}
    if options.coverage is not None:
        sent = {**body, "coverage_ppm": options.coverage}
        return _told(shell, shell.server.post(f"{place}/coverage", sent))
    if options.plan:
        return _ramp_told(shell, shell.server.post(f"{place}/ramps", {**body, "plan": options.plan}))
    runs = shell.server.get(f"{place}/ramps")
    newest = runs[0] if runs else None
    if options.act is None:
        if newest is None:
            shell.give(None, [f"{options.key} has never been ramped."])
            return DONE
        return _ramp_told(shell, newest)
    if newest is None or newest["ended_at"]:
        raise Failed(f"{options.key} has no open ramp to {options.act}.")
    sent = {"reason": options.reason}
    return _ramp_told(shell, shell.server.post(f"ramps/{newest['id']}/{options.act}", sent))


def revert(options: argparse.Namespace, shell: Shell) -> int:
    place = _place(options, shell)
    sent = {"reason": options.reason}
    return _told(shell, shell.server.post(f"{place}/versions/{options.number}/revert", sent))


def archive(options: argparse.Namespace, shell: Shell) -> int:
    made = shell.server.post(f"flags/{part(options.key)}/archive", {"reason": options.reason})
    shell.give(made, [f"Archived {options.key}: product code gets the default written in it."])
    return DONE


def _told(shell: Shell, version: dict[str, Any]) -> int:
    head = f"{version['flag']} in {version['environment']} is at version {version['number']}:"
    shell.give(version, [head, *(f"  {text}" for text in version["changes"])])
    return DONE


def _ramp_told(shell: Shell, run: dict[str, Any]) -> int:
    steps = [percent(step["coverage_ppm"]) for step in run["steps"]]
    state = f"{run['state']} at {percent(run['coverage_ppm'])}"
    lines = [
        f"ramp {run['id']} of {run['flag']}, rule {run['rule']}: {state}",
        f"  step {run['step'] + 1} of {len(steps)}: {', '.join(steps)}",
        *([f"  waits for: {run['waits_for']}"] if run["waits_for"] else []),
    ]
    shell.give(run, lines)
    return DONE


def _place(options: argparse.Namespace, shell: Shell) -> str:
    return f"flags/{part(options.key)}/environments/{part(shell.environment)}"


def coverage(text: str) -> int:
    """Parts per million from a percentage. Exact: 0.1 % is 1000, never 999."""
    try:
        value = Decimal(text.strip().rstrip("%").strip()) * 10_000
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value <= WHOLE_PPM or value != value.to_integral_value():
        fix = "Give a percentage from 0 to 100 with at most four decimals, for example 0.5%."
        raise argparse.ArgumentTypeError(wrong("coverage", text, "this is no share", fix))
    return int(value)


def percent(ppm: int) -> str:
    return f"{(Decimal(ppm) / 10_000).normalize():f} %"
