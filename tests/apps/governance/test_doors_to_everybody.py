"""Every address that can serve a change to everybody, asked one by one.

It is refused for each reason there is, with the reason, what clears it and nothing served anew, and let
through once that is cleared. Services are walked in `test_paths_to_everybody`; the command line, which speaks
to these addresses, is tried on the running platform in `tests/flows`.
"""

import html

import pytest

from flags import services as flags
from impact import caps
from tests.apps.analysis import world
from tests.apps.governance import (
    addresses,
    doors_of_experiments,
    doors_of_flags,
    open_experiments,
    open_flags,
    open_worlds,
    reach,
)
from tests.apps.governance.doors import answers, undone
from tests.apps.governance.open_worlds import BY, FIXES, REASONS
from tests.apps.governance.paths import ENTRANCES

pytestmark = pytest.mark.django_db
REFUSED = ("a sign-off is missing", "a trip is open")
TRIED = doors_of_flags.DOORS | doors_of_experiments.DOORS
UNTRIED = {
    "flag-switch-off": "the view of switching on, told to switch off",
    "ablation-start": "delays a share of users that caps keep below a launch",
    "api-ablation-start": "delays a share of users that caps keep below a launch",
}
CLOCKS = {
    "experiments.tasks.ramp_tick",
    "experiments.tasks.run_schedule",
    "flags.tasks.ramp_tick",
    "flags.tasks.schedule_tick",
}
"""Run by the doors whose request only asks for something."""


@pytest.fixture
def otto(client, django_user_model):
    """Somebody who asked for nothing and owns nothing."""
    client.force_login(django_user_model.objects.create_user("otto"))
    return client


def key():
    """A key that may change everything in production."""
    return flags.create_key(environment="production", name="builds", scope="admin", **BY)[1]


def opened(found, reason):
    """The doors that did not refuse with the reason and what clears it, or that served something new."""
    wrong = {}
    for name, answer in found.items():
        said, is_told = html.unescape(answer.said), answer.status < 400
        expected = [REASONS[reason]] if is_told else [REASONS[reason], FIXES[reason]]
        if answer.is_served_anew or not all(words in said for words in expected):
            wrong[name] = (answer.status, said[:2000])
    return wrong


def shut(found, doors):
    """The doors that stay shut, with what they say, and those through which something goes unrecorded."""
    return {
        name: (answer.status, answer.share, html.unescape(answer.said)[:2000])
        for name, answer in found.items()
        if answer.status >= 400 or answer.share < doors[name].reaches or not answer.rows
    }


def tried(client, doors, forbid):
    """Refused without a sign-off, refused when harm follows it, and let through once that is settled."""
    secret = key()
    for reason in REFUSED:
        forbid(reason)
        assert opened(answers(client, secret, doors), reason) == {}
        open_worlds.settled()

    assert shut(answers(client, secret, doors), doors) == {}


def test_flags__sign_off_missing_then_a_trip__every_door_refuses_until_both_are_settled(otto):
    open_flags.half_open()

    tried(otto, doors_of_flags.DOORS, open_flags.forbid)


def test_experiments__sign_off_missing_then_a_trip__every_door_refuses_until_both_are_settled(otto):
    open_experiments.nearly_everybody()

    tried(
        otto,
        doors_of_experiments.WIDENING,
        lambda reason: open_experiments.forbid(reason, *open_experiments.RUNNING),
    )


def test_way_out__sign_off_missing_then_a_trip__every_door_refuses_until_both_are_settled(otto):
    open_worlds.measured()
    for arrive, doors in doors_of_experiments.WAY_OUT:
        arrive()
        with undone():
            tried(otto, doors, lambda reason: open_experiments.forbid(reason, world.KEY))


def test_doors__all_of_the_urlconf_and_every_clock__are_tried():
    found = addresses.openers()
    through = set().union(*found.values())
    inside = {name for name in ENTRANCES if reach.is_entrance(name) and ".urls." not in name}

    assert set(TRIED) | set(UNTRIED) == set(found)
    assert {name for name in inside if ".tasks." in name} == CLOCKS
    assert {name for name in inside - through if ".tasks." not in name} == set()
    assert caps.MOST_SHARE_PPM * 2 < 950_000
