"""Reads of digests, and their text for mail and chat."""

import hashlib
import json
from typing import Any

from django.db.models import QuerySet

from governance.models import Digest
from ledger.refusals import NotFound, problem

QUIET = "Nothing was shipped, stopped or harmed this week."
MOST_LINES = 20


def digests() -> QuerySet[Digest]:
    """All digests, newest week first."""
    return Digest.objects.order_by("-week")


def digest(week: str) -> Digest:
    """The digest of a week such as 2026-W48, or NotFound."""
    found = digests().filter(week=week).first()
    if found is None:
        fix = "Digests are made on Monday for the week before."
        raise NotFound(problem("week", week, "there is no digest of this week", fix))
    return found


def content(row: Digest) -> dict[str, Any]:
    return dict(json.loads(row.document))


def is_intact(row: Digest) -> bool:
    """Whether the document is the one that was made."""
    return hashlib.sha256(row.document.encode()).hexdigest() == row.sha256


def as_text(row: Digest) -> str:
    """Plain lines, section by section; empty sections are left out."""
    found = content(row)
    lines = [QUIET] if found["is_quiet"] else []
    for section in found["sections"]:
        rows = section["rows"]
        if rows:
            lines += ["", f"{section['title']} ({len(rows)})"]
            lines += [f"- {each['title']}: {each['text']}" for each in rows[:MOST_LINES]]
        if len(rows) > MOST_LINES:
            lines.append(f"- and {len(rows) - MOST_LINES} more")
    sealed = found.get("audit") or {}
    if sealed.get("seal"):
        lines += ["", f"Audit trail: {sealed['rows']} rows, seal {sealed['seal']}. Keep this mail: it proves"]
        lines += ["that none of them was taken away later (manage.py verify_audit --kept)."]
    return "\n".join(lines).strip()
