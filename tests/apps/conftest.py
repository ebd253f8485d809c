"""What tests of the apps share."""

import pytest

from tests.chance import same_chance
from tests.databases import emptied_fast

__all__ = ["emptied_fast", "same_chance"]


@pytest.fixture
def browser(client, django_user_model):
    """Django's client, signed in as rosa."""
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client
