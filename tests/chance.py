"""Chance that is the same in every run.

Who is in which arm hangs on salts, and on the secret behind the hashes of units, which are drawn anew for
every database. A test draws them from its own name, so that what passes once passes always.
"""

from random import Random
from types import SimpleNamespace

import pytest


@pytest.fixture(autouse=True)
def same_chance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Salts and secrets drawn in this process come from the test's name."""
    drawn = Random(request.node.nodeid)
    monkeypatch.setattr("flags.services.salts.secrets", SimpleNamespace(randbelow=drawn.randrange))
    monkeypatch.setattr("events.compaction.rounds.secrets", SimpleNamespace(token_bytes=drawn.randbytes))
