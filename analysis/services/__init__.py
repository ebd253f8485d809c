"""Everything that changes what the analysis stores. Keyword-only, one transaction each, audited.

What computes a look is not imported here: it loads an engine, which web processes never do.
"""

from analysis.services.requests import request_look, schedule_looks
from analysis.services.settling import acknowledge_trip, resolve_trip, waive_trip

__all__ = ["acknowledge_trip", "request_look", "resolve_trip", "schedule_looks", "waive_trip"]
