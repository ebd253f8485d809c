"""`headway analyse FILE --unit COLUMN --arm COLUMN --metric COLUMN:KIND …`: the report of a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.engines.contract import EngineFailure
from ledger.refusals import Refused, refuse


def main(arguments: list[str] | None = None) -> int:
    """Print the report as Markdown or JSON; 2 when the question does not fit the file.

    `headway analyse` and `python -m analysis.adhoc` call this with their own arguments.
    """
    chosen = _parser().parse_args(arguments)
    try:
        text, left_out = _report(chosen)
    except Refused as refused:
        sys.stderr.write("".join(f"{problem}\n" for problem in refused.problems))
        return 2
    except EngineFailure as failure:
        sys.stderr.write(f"{failure}\n")
        return 2
    sys.stdout.write(text + "\n")
    if left_out:
        sys.stderr.write(f"{left_out:,} rows name no unit or no arm and were left out\n")
    return 0


def _report(chosen: argparse.Namespace) -> tuple[str, int]:
    from analysis.adhoc.looking import Question, answer
    from analysis.report import document

    question = Question(
        file=chosen.file,
        unit=chosen.unit,
        arm=chosen.arm,
        metrics=tuple(chosen.metric),
        control=chosen.control,
        slices=tuple(chosen.by),
        shares=dict(map(_share, chosen.share)),
        alpha=chosen.alpha,
        before=dict(map(_covariate, chosen.covariate)),
    )
    found = answer(question)
    text, _ = document.serialise(found.document)
    return (text if chosen.json else found.markdown), found.left_out


def _covariate(text: str) -> tuple[str, str]:
    column, _, before = text.partition("=")
    if not column or not before:
        raise refuse("covariate", text, "this names no two columns", "Write revenue=revenue_before.")
    return column, before


def _share(text: str) -> tuple[str, float]:
    arm, _, share = text.rpartition("=")
    try:
        return arm, float(share)
    except ValueError:
        raise refuse("share", text, "this is no share", "Write control=0.9.") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="headway analyse", description=__doc__)
    parser.add_argument("file", type=Path, help="a .parquet or .csv file; one row for each unit, or many")
    parser.add_argument("--unit", required=True, help="column that names who was randomised")
    parser.add_argument("--arm", required=True, help="column that names the arm")
    parser.add_argument(
        "--metric", action="append", default=[], metavar="COLUMN:KIND[:up|down][:LIMIT][:cap=p99]"
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
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--json", action="store_true", help="the whole document instead of Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
