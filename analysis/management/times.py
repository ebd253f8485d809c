"""Times as people write them on the command line."""

from contextlib import suppress
from datetime import datetime

from django.utils.dateparse import parse_datetime

from ledger.refusals import refuse


def read_time(text: str) -> datetime:
    """Raises Refused for what is not a time; a time without a zone is refused by the service."""
    found = None
    with suppress(ValueError):
        found = parse_datetime(text)
    if found is None:
        raise refuse("until", text, "this is not a time", "Write 2026-03-01T12:00:00Z.")
    return found
