"""The menu: every page belongs to an entry, and none can only be reached by knowing its address."""

import pytest
from django.urls import reverse

from config import navigation
from tests.browser.pages import plain_pages

PLACES = [place for entry in navigation.NAVIGATION for place in entry.places]
ASKED_FOR = ("/find/",)


@pytest.mark.parametrize(
    ("path", "entry", "place"),
    [
        ("/", "Home", None),
        ("/experiments/checkout/report/", "Experiments", None),
        ("/reviews/4/", "Reviews", "Launch reviews"),
        ("/reviews/postmortems/4/", "Reviews", "Launch reviews"),
        ("/reviews/trips/4/", "Watch", "Guardrail trips"),
        ("/organisation/surfaces/home/", "Reviews", "Teams and people"),
        ("/events/refused/", "Watch", "Events"),
        ("/help/api/", "Learn", "API"),
        ("/find/", None, None),
    ],
)
def test_current__a_page__its_entry_and_the_place_in_the_menu(path, entry, place):
    found, lit = navigation.current(path)

    assert (found and found.title, lit and lit.title) == (entry, place)


def test_pages__without_a_variable_part__all_belong_to_an_entry():
    homeless = {path for path in plain_pages() if navigation.current(path)[0] is None}

    assert homeless == set(ASKED_FOR)


def test_places__every_one__stands_there_once():
    routes = [place.route for place in (*PLACES, *navigation.BEGINNINGS)]

    assert len(set(routes)) == len(routes)
    assert all(reverse(route) for route in routes)
