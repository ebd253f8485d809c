"""`headway analyse FILE --unit COLUMN --arm COLUMN --metric COLUMN:KIND …`: the report of a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from analysis.engines.contract import EngineFailure
from analysis.imported import NUMBER
from ledger.refusals import Refused, refuse

Value = TypeVar("Value")


def main(arguments: list[str] | None = None) -> int:
    """Print the report as Markdown or JSON; 2 when the question does not fit the file.

    `headway analyse` and `python -m analysis.adhoc` call this with their own arguments.
    """
    chosen = _parser().parse_args(arguments)
    try:
        text, notes = _report(chosen)
    except Refused as refused:
        sys.stderr.write("".join(f"{problem}\n" for problem in refused.problems))
        return 2
    except EngineFailure as failure:
        sys.stderr.write(f"{failure}\n")
        return 2
    sys.stdout.write(text + "\n")
    sys.stderr.write("".join(f"note: {note}\n" for note in notes))
    return 0


def _report(chosen: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    from analysis.adhoc.looking import Question, answer
    from analysis.report import document

    question = Question(
        file=chosen.file,
        unit=chosen.unit,
        arm=chosen.arm,
        metrics=tuple(chosen.metric),
        control=chosen.control,
        slices=tuple(chosen.by),
        shares=_once("share", map(_share, chosen.share)),
        alpha=chosen.alpha,
        before=_once("covariate", map(_covariate, chosen.covariate)),
    )
    found = answer(question)
    text, _ = document.serialise(found.document)
    return (text if chosen.json else found.markdown), found.notes


def _once(option: str, pairs: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, value in pairs:
        if name in found:
            raise refuse(option, name, "this stands here twice", "Give it once.")
        found[name] = value
    return found


def _covariate(text: str) -> tuple[str, str]:
    column, _, before = text.partition("=")
    if not column or not before:
        raise refuse("covariate", text, "this names no two columns", "Write revenue=revenue_before.")
    return column, before


def _share(text: str) -> tuple[str, float]:
    arm, _, share = text.rpartition("=")
    if not NUMBER.fullmatch(share):
        raise refuse("share", text, "this is no share", "Write control=0.9.")
    return arm, float(share)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="headway analyse", description=__doc__)
    parser.add_argument(
        "file",
        type=Path,
        help="a .parquet or .csv file, or a folder of .parquet; one row for each unit, or many",
    )
    parser.add_argument("--unit", required=True, help="column that names who was randomised")
    parser.add_argument("--arm", required=True, help="column that names the arm")
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="COLUMN:KIND[:up|down][:LIMIT][:cap=p99]",
        help="what is compared, once for each; the kind is mean, count (of rows), proportion, p50 to p99, or "
        "ratio of A/B; with a LIMIT (5%% of the control, or 20 in the metric's unit) it is a guardrail",
    )
    parser.add_argument("--control", default="", help="value of the control arm")
    parser.add_argument("--by", action="append", default=[], metavar="COLUMN", help="slice by this column")
    parser.add_argument("--share", action="append", default=[], metavar="ARM=SHARE", help="planned shares")
    parser.add_argument(
        "--covariate",
        action="append",
        default=[],
        metavar="COLUMN=BEFORE",
        help="the column with a metric's values before the experiment, to narrow its interval",
    )
    parser.add_argument("--alpha", type=float, default=0.05, help="the share of false alarms (0.05)")
    parser.add_argument("--json", action="store_true", help="the whole document instead of Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
