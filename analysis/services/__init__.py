"""Everything that changes what the analysis stores. Keyword-only, one transaction each, audited.

What computes a look is not imported here: it loads an engine, which web processes never do.
"""

from analysis.services.requests import request_look, schedule_looks
from analysis.services.settling import acknowledge_trip, resolve_trip, waive_trip
from analysis.services.sharing import (
    LONGEST_SHARE_DAYS,
    USUAL_SHARE_DAYS,
    LinkClosed,
    TooOften,
    open_share,
    revoke_share,
    share_report,
    share_token,
    shown_under,
)

__all__ = [
    "LONGEST_SHARE_DAYS",
    "USUAL_SHARE_DAYS",
    "LinkClosed",
    "TooOften",
    "acknowledge_trip",
    "open_share",
    "request_look",
    "resolve_trip",
    "revoke_share",
    "schedule_looks",
    "share_report",
    "share_token",
    "shown_under",
    "waive_trip",
]
