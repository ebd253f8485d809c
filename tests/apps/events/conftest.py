"""Every test of this folder has a store of its own."""

import pytest


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    """The folder of the store."""
    folder = tmp_path / "store"
    settings.HEADWAY_EVENT_STORE = folder.as_uri()
    return folder
