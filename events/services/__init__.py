"""Writes and decisions of this app."""

from events.services.store import Drained, drain, unit_hash

__all__ = ["Drained", "drain", "unit_hash"]
