"""Writes and decisions of this app."""

from events.services.erasing import erase_unit
from events.services.labels import add_label, end_label
from events.services.replay import replay
from events.services.retention import set_retention
from events.services.store import Drained, drain, unit_hash

__all__ = [
    "Drained",
    "add_label",
    "drain",
    "end_label",
    "erase_unit",
    "replay",
    "set_retention",
    "unit_hash",
]
