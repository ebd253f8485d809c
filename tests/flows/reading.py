"""Reports as a reader outside the platform gets them: over HTTP, logged in."""

import json
import re
from typing import Any

from tests.flows.calling import Console


def newest_report(console: Console, experiment: str) -> dict[str, Any]:
    """The JSON behind the newest report of an experiment."""
    page = console.page(f"/experiments/{experiment}/report/")
    found = re.search(rf"/experiments/{experiment}/report/([0-9a-f]{{12,64}})/", page)
    assert found, f"the report page of {experiment} has no permalink"
    document: dict[str, Any] = json.loads(console.page(f"/experiments/{experiment}/report/{found[1]}.json"))
    return document


def row_of(report: dict[str, Any], metric: str) -> dict[str, Any]:
    """One metric's row."""
    [row] = [row for row in report["results"] if row["metric"] == metric]
    return dict(row)
