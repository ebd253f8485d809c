"""The addresses and pages of flags that serve a change to everybody, asked from the outside for each reason.

Which ones there are is held in `paths.ENTRANCES`; every service behind them is walked elsewhere. The command
line speaks to these addresses; it is tried on the running platform, in `tests/flows`.
"""

import json

import pytest

from flags import services as flags
from flags.models import RampRun
from tests.apps.flags import build
from tests.apps.governance import open_flags, open_worlds
from tests.apps.governance.open_worlds import ALL, NOW, REASONS, rule, step

pytestmark = pytest.mark.django_db
ONE = "/api/v1/flags/{}/environments/production"
EVERYBODY = {"attribute": "plan", "op": "in", "value": ["everybody"]}


def draft():
    return build.draft([rule(ALL)]).number


def approved():
    """The id of the ramp whose last step somebody else agreed to."""
    found = RampRun.objects.get()
    flags.approve_step(ramp_id=found.id, step=1, actor="otto", now=NOW)
    return found.id


def change():
    content = {**build.definition(), "rules": [rule(ALL)]}
    return {
        "kind": "flag",
        "key": "checkout",
        "seen": build.live().number,
        "settings": {},
        "content": content,
    }


ADDRESSES = {
    "coverage": lambda: (f"{ONE.format('checkout')}/coverage", {"coverage_ppm": ALL}),
    "publish": lambda: (f"{ONE.format('checkout')}/versions/{draft()}/publish", {}),
    "revert": lambda: (f"{ONE.format('checkout')}/versions/2/revert", {}),
    "switch on": lambda: (f"{ONE.format('killed')}/switch-on", {"reason": "on"}),
    "ramp": lambda: (f"{ONE.format('checkout')}/ramps", {"steps": [step()]}),
    "jump": lambda: (f"/api/v1/ramps/{approved()}/jump", {"step": 1, "reason": "quick"}),
    "unarchive": lambda: ("/api/v1/flags/archived/unarchive", {"reason": "back"}),
    "end of a holdout": lambda: ("/api/v1/holdouts/kept-out/end", {"reason": "over"}),
    "segment": lambda: (
        "/api/v1/segments/friends/environments/production/versions",
        {"when": EVERYBODY, "reason": "all"},
    ),
    "apply": lambda: (
        "/api/v1/environments/production/apply",
        {"changes": [change()], "reason": "files"},
    ),
}
HERE = {"environment": "production", "reason": "now"}
PAGES = {
    "coverage": lambda: ("/flags/checkout/coverage/", {**HERE, "rule": "open", "coverage": "100"}),
    "publish": lambda: (f"/flags/checkout/publish/?draft={draft()}", HERE),
    "revert": lambda: ("/flags/checkout/versions/2/revert/", HERE),
    "switch on": lambda: ("/flags/killed/switch-on/", HERE),
    "jump": lambda: (f"/flags/ramps/{approved()}/steps/1/jump/", HERE),
    "unarchive": lambda: ("/flags/archived/unarchive/", HERE),
    "end of a holdout": lambda: ("/flags/holdouts/kept-out/end/", HERE),
    "segment": lambda: ("/flags/segments/friends/", {**HERE, "when": json.dumps(EVERYBODY)}),
}


@pytest.fixture
def client(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("ada"))
    return client


def asked(client, ask, *, as_json):
    """Post there; what was answered, with its status in front."""

    def path():
        address, body = ask()
        content_type = {"content_type": "application/json"} if as_json else {}
        answer = client.post(address, body, **content_type)
        return f"{answer.status_code} {answer.content.decode()}" if answer.status_code in {409, 422} else ""

    return path


@pytest.mark.parametrize("reason", [each for each in REASONS if each != "nobody asked for a review"])
def test_outside__each_reason__every_address_and_page_refuses_with_it(reason, client):
    open_flags.half_open()
    open_flags.forbid(reason)

    walked = {f"API, {name}": asked(client, ask, as_json=True) for name, ask in ADDRESSES.items()}
    walked |= {f"page, {name}": asked(client, ask, as_json=False) for name, ask in PAGES.items()}

    assert open_worlds.let_through(walked, REASONS[reason]) == {}
