"""The weekly digest: made once from rows and report snapshots, frozen, then told.

Nothing in it is computed anew: verdicts, effects and money are read from the snapshots that decisions refer
to, and from what incidents stored when they were opened.
"""

import hashlib
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from governance import digest_queries, weeks
from governance.models import Digest
from governance.outbound import events
from governance.outbound.notices import Notice
from governance.queries import receivers
from governance.services.digest_sections import sections
from governance.services.telling import put
from ledger import audit

EVENT = "digest.made"
ACTOR = "digest"
SCHEMA_VERSION = 1
TITLES = {
    "shipped": "Shipped",
    "stopped": "Stopped",
    "harmed": "Harmed",
    "money": "Money",
    "open_trips": "Open trips",
    "overdue_actions": "Overdue actions",
    "sign_offs_waiting": "Launches that wait for sign-offs",
    "conditions": "Conditions not met yet",
    "waivers": "Waivers in force",
    "inactive_owners": "Owners who are away or have no account",
}
OF_THE_WEEK = ("shipped", "stopped", "harmed", "money")


@transaction.atomic
def make_due_digest(*, now: datetime) -> Digest | None:
    """The digest of the last week that ended, when it is due and not made yet; else None."""
    week, begins, ends = weeks.week_due(now, ZoneInfo(settings.TIME_ZONE))
    if Digest.objects.filter(week=week).exists():
        return None
    content = _content(week, begins, ends, now)
    document = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    made, is_new = Digest.objects.get_or_create(
        week=week,
        defaults={
            "begins_at": begins,
            "ends_at": ends,
            "document": document,
            "sha256": hashlib.sha256(document.encode()).hexdigest(),
            "created_at": now,
        },
    )
    if not is_new:
        return None
    facts = {"week": week, "sha256": made.sha256}
    audit.record(now=now, actor=ACTOR, action=EVENT, subject=f"digest:{week}", after=facts)
    _tell(made, now)
    return made


def _tell(made: Digest, now: datetime) -> None:
    """Every receiver that wants it: mail and chat get the lines, others that it is there."""
    notice = Notice(
        event=EVENT,
        subject=f"digest:{made.week}",
        at=now,
        actor=ACTOR,
        reason=digest_queries.as_text(made),
        address=f"{settings.HEADWAY_WEB_URL}/reviews/digests/{made.week}/",
        ids={"sha256": made.sha256},
    )
    for receiver in receivers().filter(paused_at__isnull=True):
        if events.matches(EVENT, receiver.events):
            put(receiver, notice, fact=f"digest:{made.week}", now=now)


def _content(week: str, begins: datetime, ends: datetime, now: datetime) -> dict[str, Any]:
    found = sections(begins, ends, now)
    sealed = audit.head()
    return {
        "schema_version": SCHEMA_VERSION,
        "week": week,
        "begins_at": begins.isoformat(),
        "ends_at": ends.isoformat(),
        "made_at": now.isoformat(),
        "is_quiet": not any(found[name] for name in OF_THE_WEEK),
        "audit": {"rows": sealed.rows, "seal": sealed.seal},
        "sections": [{"key": key, "title": title, "rows": found[key]} for key, title in TITLES.items()],
    }
