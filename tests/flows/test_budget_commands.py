"""A build over its budget, on the running platform: waived, asked again, shown to who signs, and ended."""

import io
import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from flags import services as flags
from governance.services import reviews
from headway.cli import program
from ledger import queries as ledger
from tests.flows.calling import Console
from tests.flows.places import environment

PLACE, FLAG, BUDGET = "budgeted", "heavy-page", "bundle size of heavy-page"
USER, PASSWORD = "reader-of-budgets", "a long enough pass phrase"


def by():
    return {"actor": "rosa", "now": timezone.now()}


@pytest.fixture
def build(connected, tmp_path):
    """The command as a build runs it; its exit code and all it said."""
    flags.create_flag(key=FLAG, value_type="bool", in_environments=[environment(PLACE)], **by())
    _, secret = flags.create_key(environment=PLACE, name="builds", scope="admin", **by())
    home = {"HEADWAY_URL": connected.web_url, "HEADWAY_KEY": secret, "XDG_CONFIG_HOME": str(tmp_path)}

    def typed(*words):
        said = io.StringIO()
        code = program.main(["budget", *words], out=said, err=said, variables=home)
        return code, said.getvalue()

    return typed


@pytest.fixture
def console(connected):
    get_user_model().objects.create_user(USER, password=PASSWORD)
    found = Console(connected.web_url)
    assert found.log_in(USER, PASSWORD)
    return found


def waive(measured, *more):
    until = (timezone.now() + timedelta(days=30)).date().isoformat()
    over = ("--limit", "170", "--measured", measured, "--unit", "kB", "--flag", FLAG)
    why = ("--by", "pia", "--reason", "the payment form comes with it", "--expires-on", until)
    return ("waive", BUDGET, *over, *why, *more)


def test_budget__a_build_over_it__waived_once_shown_to_who_signs_and_ended(build, console):
    review = reviews.open_review(flag=FLAG, environment=PLACE, **by())

    inside = build(*waive("169"))
    first, again = build(*waive("187", "--run", "812")), build(*waive("187", "--run", "812"))
    listed = json.loads(build("waivers", "--about", FLAG, "--json")[1])
    shown = {path: console.page(path) for path in (f"/reviews/{review.id}/", "/reviews/budgets/")}
    ended = build("end", str(listed[0]["id"]), "--reason", "168 kB again")
    afterwards = console.page(f"/reviews/{review.id}/"), build("waivers")[1]

    assert inside[0] == 1
    assert "169 is inside the 170 allowed, so nothing has to be waived" in inside[1]
    assert first == again
    assert (first[0], f"{BUDGET} of {FLAG}, 187 of 170 kB (+10 %), waived until" in first[1]) == (0, True)
    assert [(row["state"], row["recorded_by"], row["run"]) for row in listed] == [
        ("waived", "key:builds", "812")
    ]
    assert all(BUDGET in page for page in shown.values())
    assert "+10 % of the 170 allowed" in shown[f"/reviews/{review.id}/"]
    assert ended == (0, f"waiver {listed[0]['id']} is ended\n")
    assert (BUDGET in afterwards[0], "ended" in afterwards[1]) == (False, True)
    trail = ledger.audit_events(subject=f"flag:{FLAG}", action="budget.")
    assert [row.action for row in trail] == ["budget.waiver_ended", "budget.waived"]
