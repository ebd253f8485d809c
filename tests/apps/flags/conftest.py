"""What tests of flags share."""

import pytest

from flags import gates, samples


@pytest.fixture
def objections(monkeypatch):
    """What gates say about advancing a ramp; nobody else objects."""
    said: list = []
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})
    monkeypatch.setitem(gates._gates, "ramp.advance", [lambda subject: list(said)])
    monkeypatch.setattr(samples, "_providers", [])
    return said
