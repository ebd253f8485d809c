"""`headway export`, `plan` and `apply`: an environment's flags as files that people review."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from headway.cli import declared, planning
from headway.cli.asking import command, environment_option, reason_option
from headway.cli.failures import DIFFERS, DONE, NOT_ALLOWED, UNREACHABLE, Failed, wrong
from headway.cli.planning import Change, Plan
from headway.cli.reading import read_json, read_text
from headway.cli.server import part
from headway.cli.shell import Shell
from headway.cli.yaml_writing import written

MOST_CHANGES = 1_000
SECONDS_A_CHANGE = 0.2
PLAN = "headway-plan"
NOTHING = "Nothing was changed."
UNKNOWN = "All changes were made or none was: `headway plan` says which."
TONES = {"+": "good", "-": "bad", "~": "warn"}

EXPORT = """write all flags, segments and layers of an environment as YAML
Rules of running experiments are left out: they belong to the experiments."""
PLAN_WORDS = """show what `apply` would change; exit code 2 when something would
With a key of scope admin the server checks every change as if it were made, and nothing is made."""
APPLY = """make an environment what the files say, or carry out a kept plan
All changes are made or none is; up to 1,000 are possible at once.
A flag that somebody changed after the plan was made is refused.
Flags that stand in no file stay as they are, unless --prune archives them."""


def register(subparsers: Any) -> None:
    parser = command(subparsers, "export", export, EXPORT)
    environment_option(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write there instead of standard output")
    parser.add_argument("--without-coverage", action="store_true", help="leave coverages to ramps")
    parser = command(subparsers, "plan", plan, PLAN_WORDS)
    _file_options(parser)
    parser.add_argument("--out", type=Path, metavar="PLAN", help="keep the plan for `headway apply PLAN`")
    parser = command(subparsers, "apply", apply, APPLY)
    _file_options(parser)
    parser.add_argument("plan", nargs="?", type=Path, help="a plan that `headway plan --out` kept")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    reason_option(parser)


def _file_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "--file",
        action="append",
        type=Path,
        default=[],
        metavar="PATH",
        help="a file or a folder of files",
    )
    parser.add_argument(
        "--drafts", action="store_true", help="save flags as drafts, for a review in the console"
    )
    parser.add_argument("--prune", action="store_true", help="archive flags that stand in no file")
    environment_option(parser)


def export(options: argparse.Namespace, shell: Shell) -> int:
    state = _state(shell, shell.environment)
    content = exported(state, with_coverage=not options.without_coverage)
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n" if shell.wants_json else written(content)
    if options.out is None:
        shell.out.write(text)
        return DONE
    try:
        options.out.write_bytes(text.encode())
    except OSError as error:
        raise Failed(f"{options.out} cannot be written: {error.strerror}.") from None
    shell.note(
        f"{len(content['flags'])} flags and {len(content['segments'])} segments written to {options.out}"
    )
    return DONE


def exported(state: dict[str, Any], *, with_coverage: bool = True) -> dict[str, Any]:
    """The file that says what the environment is."""
    flags = {key: planning.entry_of(flag) for key, flag in sorted(state["flags"].items())}
    if not with_coverage:
        for entry in flags.values():
            entry["rules"] = [_without_coverage(rule) for rule in entry.get("rules", [])]
    served = {key: each for key, each in sorted(state["segments"].items()) if each["when"] is not None}
    return {
        "schema": declared.SCHEMA,
        "environment": state["environment"],
        "layers": dict(sorted(state["layers"].items())),
        "segments": {key: planning.segment_entry(each) for key, each in served.items()},
        "flags": flags,
    }


def plan(options: argparse.Namespace, shell: Shell) -> int:
    state, found = _planned(options, shell)
    said = _trial(shell, state["environment"], found, as_drafts=options.drafts)
    problems = [*found.problems, *_refused(said)]
    content = _plan_content(shell, state, found)
    if options.out is not None and not problems:
        options.out.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    outcome = {"warnings": list(found.warnings), "problems": problems}
    shell.give({**content, **outcome}, _shown(shell, found, said))
    for warning in found.warnings:
        shell.note(shell.colour("note: ", "warn") + warning)
    if problems:
        raise Failed(*problems)
    return DIFFERS if found.changes else DONE


def apply(options: argparse.Namespace, shell: Shell) -> int:
    if (options.plan is None) == (not options.file):
        raise Failed("Say what to apply: either a kept plan, or files with -f.")
    if options.plan is not None:
        place, bodies = _kept(options.plan, shell)
    else:
        state, found = _planned(options, shell)
        if found.problems:
            raise Failed(*found.problems)
        place, bodies = state["environment"], [change.body() for change in found.changes]
        if not shell.wants_json:
            for line in _shown(shell, found, {}):
                shell.say(line)
    if not bodies:
        shell.give({"environment": place, "changes": []}, [] if options.file else ["Nothing to do."])
        return DONE
    shell.confirm(f"Make these {len(bodies)} changes in {place}?", is_given=options.yes)
    sent = {"reason": options.reason or "applied from reviewed files", "drafts": options.drafts}
    return _carried_out(shell, place, bodies, sent)


def _carried_out(shell: Shell, place: str, bodies: list[dict[str, Any]], how: dict[str, Any]) -> int:
    """Send the changes: the server makes all of them or none."""
    try:
        done = _asked(shell, place, bodies, how)
    except Failed as failed:
        raise Failed(
            *failed.lines, UNKNOWN if failed.code == UNREACHABLE else NOTHING, code=failed.code
        ) from None
    rows = [f"{row['kind']} {row['key']}: {'; '.join(row['words']) or 'as it was'}" for row in done]
    shell.give({"environment": place, "changes": done}, [*rows, f"{len(done)} changes made in {place}."])
    return DONE


def _asked(
    shell: Shell, place: str, bodies: list[dict[str, Any]], how: dict[str, Any]
) -> list[dict[str, Any]]:
    """What became of each change. Many of them get the time they need."""
    if len(bodies) > MOST_CHANGES:
        why = f"{MOST_CHANGES:,} are made together at most, so that all of them or none is"
        raise Failed(
            wrong("changes", len(bodies), why, "Apply some of the files first, one after the other.")
        )
    patience_s = len(bodies) * SECONDS_A_CHANGE
    told = shell.server.post(f"environments/{part(place)}/apply", {"changes": bodies, **how}, patience_s)
    done: list[dict[str, Any]] = told["changes"]
    return done


def _planned(options: argparse.Namespace, shell: Shell) -> tuple[dict[str, Any], Plan]:
    if not options.file:
        raise Failed("Name the files with -f, a folder or one file.")
    wanted = declared.read(options.file)
    place = options.environment or wanted.environment or shell.environment
    state = _state(shell, place)
    return state, planning.plan(state, wanted, prune=options.prune)


def _trial(
    shell: Shell, place: str, found: Plan, *, as_drafts: bool
) -> dict[tuple[str, str], dict[str, Any]]:
    """What the server says of each change without making it; nothing when the key may only read."""
    bodies = [change.body() for change in found.changes]
    if not bodies:
        return {}
    try:
        told = _asked(shell, place, bodies, {"trial": True, "drafts": as_drafts})
    except Failed as failed:
        if failed.code != NOT_ALLOWED:
            raise
        shell.note("note: this key may not change flags, so the server did not check the plan")
        return {}
    return {(row["kind"], row["key"]): row for row in told}


def _refused(said: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    return [
        f"{each['field']} = {each['value']}: {each['reason']}. {each.get('fix', '')}".rstrip()
        for row in said.values()
        for each in row["problems"]
    ]


def _shown(shell: Shell, found: Plan, said: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for change in found.changes:
        lines += _change_lines(shell, change, said.get((change.kind, change.key), {}).get("words", []))
    counts = {sign: sum(change.sign == sign for change in found.changes) for sign in TONES}
    total = f"{counts['+']} to add, {counts['~']} to change, {counts['-']} to archive"
    return [
        *lines,
        f"Plan: {total}." if found.changes else "Nothing to do: the environment is as the files say.",
    ]


def _change_lines(shell: Shell, change: Change, words: list[str]) -> list[str]:
    version = f" (version {change.seen})" if change.seen else ""
    head = shell.colour(f"{change.sign} {change.kind} {change.key}{version}", "strong")
    meaning = [shell.colour(f"    {text}", "dim") for text in words if change.sign == "~"]
    body = change.lines() if change.action != "archive" else []
    differing = [line for line in _near(body) if line]
    return [head, *meaning, *(shell.colour(f"    {line}", _tone(line)) for line in differing), ""]


def _near(lines: list[str]) -> list[str]:
    """Changed lines with two on either side; the rest of a long entry says nothing."""
    changed = [at for at, line in enumerate(lines) if line[:1] in "+-"]
    shown = sorted({near for at in changed for near in range(max(at - 2, 0), min(at + 3, len(lines)))})
    result: list[str] = []
    for at, before in zip(shown, [-1, *shown[:-1]]):
        result += ["  …"] if at - before > 1 and (result or at) else []
        result.append(lines[at])
    return result


def _tone(line: str) -> str:
    return {"+": "good", "-": "bad"}.get(line[:1], "dim")


def _state(shell: Shell, place: str) -> dict[str, Any]:
    found: dict[str, Any] = shell.server.get(f"environments/{part(place)}/state")
    return found


def _plan_content(shell: Shell, state: dict[str, Any], found: Plan) -> dict[str, Any]:
    return {
        "schema": declared.SCHEMA,
        "kind": PLAN,
        "url": shell.server.url,
        "environment": state["environment"],
        "document_version": state["document_version"],
        "changes": [change.body() for change in found.changes],
    }


def _kept(path: Path, shell: Shell) -> tuple[str, list[dict[str, Any]]]:
    """The environment and the changes of a kept plan. Raises Failed when it was made for another server."""
    content = read_json(read_text(path), str(path))
    if (
        not isinstance(content, dict)
        or content.get("kind") != PLAN
        or content.get("schema") != declared.SCHEMA
    ):
        raise Failed(f"{path} is no plan. Make one with `headway plan -f FILES --out {path}`.")
    if content.get("url") != shell.server.url:
        why = f"the plan was made for another server than {shell.server.url}"
        raise Failed(wrong("url", content.get("url"), why, "Make a new plan."))
    return str(content.get("environment")), list(content.get("changes") or [])


def _without_coverage(rule: dict[str, Any]) -> dict[str, Any]:
    if "split" not in rule:
        return rule
    split = {name: value for name, value in rule["split"].items() if name != "coverage_ppm"}
    return {**rule, "split": split}
