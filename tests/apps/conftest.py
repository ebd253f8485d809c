"""What tests of the apps share."""

import pytest


@pytest.fixture
def browser(client, django_user_model):
    """Django's client, signed in as rosa."""
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client
