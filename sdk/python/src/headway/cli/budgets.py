"""`headway budget …`: a build tells that it is over a performance budget and passes all the same."""

from __future__ import annotations

import argparse
from typing import Any

from headway.cli.asking import command, reason_option
from headway.cli.failures import DONE
from headway.cli.shell import Shell

WAIVE = """record that a build over a performance budget passes until a day
The launch review of the surface, experiment or flag shows it as a finding. A build that runs again with the
same --run records nothing new."""


def register(subparsers: Any) -> None:
    group = subparsers.add_parser("budget", help="performance budgets that builds were let over")
    inside = group.add_subparsers(
        title="commands", metavar="command", required=True, parser_class=type(group)
    )
    _register_waive(inside)
    parser = command(inside, "waivers", waivers, "budgets that are or were waived, newest first")
    parser.add_argument("--about", default="", metavar="KEY", help="a surface, an experiment or a flag")
    parser = command(inside, "end", end, "say that a build is inside the budget again")
    parser.add_argument("id", type=int, help="the number of the waiver")
    reason_option(parser, is_needed=True)


def _register_waive(inside: Any) -> None:
    parser = command(inside, "waive", waive, WAIVE)
    parser.add_argument("budget", help="its name, for example: 'bundle size of checkout'")
    about = parser.add_mutually_exclusive_group(required=True)
    for name in ("surface", "experiment", "flag"):
        about.add_argument(f"--{name}", metavar="KEY")
    parser.add_argument("--limit", type=float, required=True, help="what is allowed")
    parser.add_argument("--measured", type=float, required=True, help="what the build measured")
    parser.add_argument("--unit", required=True, help="kB, ms, queries")
    parser.add_argument("--by", dest="waived_by", required=True, help="who let it pass")
    parser.add_argument("--expires-on", required=True, metavar="DAY", help="the last day, like 2026-12-31")
    parser.add_argument("--link", help="the build, or the change")
    parser.add_argument("--run", dest="run_id", help="the build's own id")
    reason_option(parser, is_needed=True)


def waive(options: argparse.Namespace, shell: Shell) -> int:
    given = {
        name: getattr(options, name)
        for name in (
            "budget", "limit", "measured", "unit", "waived_by", "reason", "expires_on", "surface",
            "experiment", "flag", "link",
        )
    }  # fmt: skip
    body = {name: value for name, value in {**given, "run": options.run_id}.items() if value is not None}
    made = shell.server.post("budget-waivers", body)
    shell.give(made, [f"waiver {made['id']}: {_line(made)}"])
    return DONE


def waivers(options: argparse.Namespace, shell: Shell) -> int:
    told = shell.server.get("budget-waivers", **({"about": options.about} if options.about else {}))
    rows = told["results"]
    head = ("waiver", "state", "about", "budget", "measured", "until", "by")
    cells = [
        [
            str(row["id"]), row["state"], _about(row), row["budget"],
            f"{row['measured']:g} of {row['limit']:g} {row['unit']}", row["expires_on"], row["waived_by"],
        ]
        for row in rows
    ]  # fmt: skip
    shell.give(rows, shell.table(head, cells) if rows else ["No budget is waived."])
    return DONE


def end(options: argparse.Namespace, shell: Shell) -> int:
    row = shell.server.post(f"budget-waivers/{options.id}/end", {"reason": options.reason})
    shell.give(row, [f"waiver {row['id']} is ended"])
    return DONE


def _line(row: dict[str, Any]) -> str:
    over = f"{row['measured']:g} of {row['limit']:g} {row['unit']} ({row['over_percent']:+.0f} %)"
    return f"{row['budget']} of {_about(row)}, {over}, {row['state']} until {row['expires_on']}"


def _about(row: dict[str, Any]) -> str:
    return str(row["surface"] or row["experiment"] or row["flag"])
