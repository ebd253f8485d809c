"""Writes and decisions of this app."""

from events.services.labels import add_label, end_label
from events.services.replay import replay
from events.services.store import Drained, drain, unit_hash

__all__ = ["Drained", "add_label", "drain", "end_label", "replay", "unit_hash"]
