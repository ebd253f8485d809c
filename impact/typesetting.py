"""The one-pager as a PDF on A4. Texts reach the template as data, so nothing in a name becomes markup."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis.report import pictures

TEMPLATE = Path(__file__).with_name("one_pager.typ")


def pdf(sheet: Mapping[str, Any]) -> bytes:
    """The sheet of `impact.pages.sheet` as a PDF; the same sheet gives the same bytes."""
    import typst

    content = {**sheet, "rows": [asdict(row) for row in sheet["rows"]]}
    content["curve"] = pictures.standalone(sheet["curve"]) if sheet["curve"] else ""
    given = {"sheet": json.dumps(content, ensure_ascii=False)}
    made = typst.compile(TEMPLATE.read_bytes(), format="pdf", sys_inputs=given)
    if not isinstance(made, bytes):
        raise TypeError("a PDF is one file")
    return made
