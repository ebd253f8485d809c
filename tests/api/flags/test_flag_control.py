# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Reviews, holdouts and scheduled changes over HTTP, and what a key may not do."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from flags import queries, services
from tests.api.flags.test_flags import ONE, rules, send
from tests.apps.flags.build import BY, definition, environment, flag, key, live, published, split

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(django_user_model):
    """Two people with a session each."""
    found = []
    for name in ("rosa", "sam"):
        browser = Client()
        browser.force_login(django_user_model.objects.create_user(name))
        found.append(browser)
    return found


@pytest.fixture
def script(client):
    _, secret = key(scope="admin", name="deploy script")
    return lambda method, path, body=None: send(client, method, path, body, Authorization=f"Bearer {secret}")


def test_review__submitted_approved_published__by_two_people(people):
    rosa, sam = people
    flag()
    required = send(rosa, "post", "environments/production/review", {"is_required": True, "reason": "users"})
    number = send(rosa, "put", f"{ONE}/draft", rules(split(50_000))).json()["number"]

    alone = send(rosa, "post", f"{ONE}/versions/{number}/publish")
    submitted = send(rosa, "post", f"{ONE}/versions/{number}/submit", {"reason": "please look"})
    own = send(rosa, "post", f"{ONE}/versions/{number}/approve")
    approved = send(sam, "post", f"{ONE}/versions/{number}/approve", {"reason": "fine"})
    put_live = send(rosa, "post", f"{ONE}/versions/{number}/publish", {"reason": "go"})

    assert required.json()["requires_review"] is True
    assert [each.status_code for each in (alone, submitted, own, approved, put_live)] == [
        409, 200, 422, 200, 200,
    ]  # fmt: skip
    assert (approved.json()["state"], approved.json()["reviewed_by"]) == ("approved", "sam")
    assert live().number == number


def test_review__rejected_without_a_reason__refused(people):
    rosa, sam = people
    flag()
    number = send(rosa, "put", f"{ONE}/draft", rules(split(50_000))).json()["number"]
    send(rosa, "post", f"{ONE}/versions/{number}/submit")

    silent = send(sam, "post", f"{ONE}/versions/{number}/reject")
    said = send(sam, "post", f"{ONE}/versions/{number}/reject", {"reason": "too fast"})

    assert (silent.status_code, said.json()["state"]) == (422, "rejected")


@pytest.mark.parametrize("step", ["approve", "reject"])
def test_review__by_a_key__refused_since_its_holder_may_be_the_author(script, step):
    flag()
    number = script("put", f"{ONE}/draft", rules(split(50_000))).json()["number"]
    script("post", f"{ONE}/versions/{number}/submit")

    answer = script("post", f"{ONE}/versions/{number}/{step}", {"reason": "me again"})

    assert answer.status_code == 403
    assert "takes a second person" in answer.json()["detail"]


def test_ramp__step_approved_by_a_key__refused(script):
    flag()
    published([split(100_000)])
    steps = [{"coverage_ppm": 200_000, "needs_approval": True}]
    run = services.start_ramp(flag="checkout", environment="production", steps=steps, **BY)

    assert script("post", f"ramps/{run.id}/approve-step", {"step": 0}).status_code == 403


def test_holdout__planned_started_ended__over_the_api(people):
    rosa, _ = people
    environment()

    made = send(
        rosa, "post", "holdouts", {"key": "all-2026", "environment": "production", "share_ppm": 50_000}
    )
    started = send(rosa, "post", "holdouts/all-2026/start", {"reason": "a year"})
    ended = send(rosa, "post", "holdouts/all-2026/end", {"reason": "measured"})

    assert [each.status_code for each in (made, started, ended)] == [201, 200, 200]
    assert [each.json()["state"] for each in (made, started, ended)] == ["planned", "holding", "over"]
    listed = send(rosa, "get", "holdouts").json()["results"]
    assert [(each["key"], each["flags"], "salt" in each) for each in listed] == [("all-2026", [], False)]


def test_holdout__of_another_environment__not_by_this_key(script):
    environment("staging", is_production=False)

    answer = script("post", "holdouts", {"key": "all", "environment": "staging", "share_ppm": 50_000})

    assert answer.status_code == 403


def test_change__scheduled_and_cancelled__over_the_api(people):
    rosa, _ = people
    flag()
    published([split(100_000)])
    at = (timezone.now() + timedelta(days=1)).isoformat()

    made = send(rosa, "post", f"{ONE}/scheduled", {"kind": "coverage", "coverage_ppm": 200_000, "run_at": at})
    listed = send(rosa, "get", f"{ONE}/scheduled").json()
    gone = send(rosa, "post", f"scheduled/{made.json()['id']}/cancel", {"reason": "not yet"})

    assert (made.status_code, [each["state"] for each in listed]) == (201, ["pending"])
    assert (gone.json()["state"], gone.json()["outcome"]) == ("cancelled", "not yet")
    assert definition()["rules"][0]["split"]["coverage_ppm"] == 100_000


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-11-23", "a time needs a zone"),
        ("tomorrow", "this is no time"),
        ("2036-13-01T10:00:00Z", "this is no time"),
        ("2036-11-23T10:00:00", "a time needs a zone"),
        ("2016-11-23T10:00:00Z", "not within the coming year"),
    ],
)
def test_change__at_an_odd_time__refused(people, at, words):
    flag()

    answer = send(people[0], "post", f"{ONE}/scheduled", {"kind": "switch_off", "run_at": at})

    assert answer.status_code == 422
    assert words in answer.json()["problems"][0]["reason"]


def test_flag__with_schema_backup_and_team__over_the_api(people):
    environment()
    schema = {"type": "object", "required": ["limit"]}
    body = {"key": "limits", "value_type": "json", "variants": {"on": {"limit": 1}}, "json_schema": schema}

    made = send(people[0], "post", "flags", {**body, "backup": "sam"})
    refused = send(people[0], "patch", "flags/limits", {"json_schema": {"type": "array"}})

    assert (made.status_code, made.json()["backup"], made.json()["json_schema"]) == (201, "sam", schema)
    assert refused.status_code == 422
    assert queries.flag("limits").json_schema == schema
