"""Fixtures of the flows; receivers are shared by all of them for the session."""

from tests.flows.receivers import listening, stub

__all__ = ["listening", "stub"]
