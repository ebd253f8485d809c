"""The handbook: every word of the glossary, at an address of its own."""

import pytest
from django.contrib.auth import get_user_model

from culture.glossary import terms

pytestmark = pytest.mark.django_db


def test_handbook__open__every_term_with_its_anchor(client):
    client.force_login(get_user_model().objects.create_user("ada"))

    shown = client.get("/learn/").content.decode()

    assert len(terms()) >= 15
    for term in terms():
        assert f'<dt id="{term.anchor}"><strong>{term.name}</strong>' in shown


def test_handbook__anonymous__sent_to_the_login(client):
    assert client.get("/learn/").url.startswith("/login")
