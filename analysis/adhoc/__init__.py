"""The report for a file or a notebook: no server, no database, no plan that was locked before.

`python -m analysis.adhoc visits.parquet --unit user_id --arm variant --metric revenue:mean`, or in a notebook

    from analysis.adhoc import analyse
    analyse(frame, unit="user_id", arm="variant", metrics=["revenue:mean"])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.adhoc.looking import Answer


def analyse(
    data: object,
    *,
    unit: str,
    arm: str,
    metrics: Sequence[str],
    control: str = "",
    by: Sequence[str] = (),
    covariates: Mapping[str, str] | None = None,
    shares: Mapping[str, float] | None = None,
    alpha: float = 0.05,
) -> Answer:
    """The report of a file (its path) or of a table in memory: pyarrow, pandas or polars.

    The arguments are those of the command: metrics like "revenue:mean:cap=p99" or "latency:p95:down:5%",
    `covariates` like {"revenue": "revenue_before"}. Raises Refused when the question does not fit the data.
    """
    from analysis.adhoc.looking import Question, answer

    question = Question(
        file=Path(data) if isinstance(data, str | Path) else data,
        unit=unit,
        arm=arm,
        metrics=(metrics,) if isinstance(metrics, str) else tuple(metrics),
        control=control,
        slices=(by,) if isinstance(by, str) else tuple(by),
        shares=shares or {},
        alpha=alpha,
        before=covariates or {},
        at=datetime.now(tz=UTC).replace(microsecond=0),
    )
    return answer(question)
