"""Every test of this folder has a store of its own; keys are made on demand."""

import pytest

from flags.services.environments import create_environment
from flags.services.keys import create_key
from tests.apps.events.building import NOW


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    """The folder of the store."""
    folder = tmp_path / "store"
    settings.HEADWAY_EVENT_STORE = folder.as_uri()
    return folder


@pytest.fixture
def sdk_key(db):
    """Makes keys of one environment."""
    create_environment(key="production", is_production=True, actor="rosa", now=NOW)

    def make(**options):
        key, _ = create_key(
            environment="production", name="shop", scope="ingest", actor="rosa", now=NOW, **options
        )
        return key

    return make
