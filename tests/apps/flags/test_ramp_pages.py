# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""The ramp strip on a flag's page, the plans page, and the same over the API."""

import json

import pytest

from flags import gates, services
from flags.models import RampPlan, RampRun
from flags.services import ramps
from tests.apps.flags.build import BY, NOW, definition, environment, flag, key, published, split

pytestmark = pytest.mark.django_db
STEPS = [
    {"coverage_ppm": 10_000, "hold_minutes": 90, "on_trip": "roll_back"},
    {"coverage_ppm": 500_000, "min_units": 1000, "needs_approval": True},
    {"coverage_ppm": 1_000_000},
]
ONE = "flags/checkout/environments/production"


@pytest.fixture(autouse=True)
def no_gates(monkeypatch):
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})


def ready():
    flag()
    published([split(0)])
    services.create_ramp_plan(key="careful", title="Three careful steps", steps=STEPS, **BY)


def running():
    ready()
    return services.start_ramp(flag="checkout", environment="production", plan="careful", **BY)


def coverage():
    return definition()["rules"][0]["split"]["coverage_ppm"]


def test_plans__none__says_what_they_are_for(browser):
    assert "There is no plan yet" in browser.get("/flags/ramps/").text


def test_plans__posted__made_and_drawn(browser):
    form = {"key": "careful", "title": "Three steps", "steps": json.dumps(STEPS)}

    browser.post("/flags/ramps/", form)

    page = browser.get("/flags/ramps/").text
    assert "Three steps" in page
    assert "held 1 h 30 min, rolls back on a trip" in page
    assert "1,000 units, needs approval, holds on a trip" in page


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("[", "this is no JSON"),
        ("[]", "no list of 1 to 20"),
        ('[{"coverage_ppm": "5"}]', "steps[0].coverage_ppm"),
    ],
)
def test_plans__wrong__said_and_what_was_typed_stays(browser, steps, words):
    answer = browser.post("/flags/ramps/", {"key": "careful", "title": "Kept", "steps": steps})

    assert answer.status_code == 422
    assert words in answer.text
    assert "Kept" in answer.text
    assert steps.replace('"', "&quot;") in answer.text
    assert not RampPlan.objects.exists()


def test_flag__started_from_its_page__strip_with_the_current_step(browser):
    ready()

    assert "Three careful steps" in browser.get("/flags/checkout/").text
    browser.post("/flags/checkout/ramp/", {"plan": "careful", "rule": "r1", "reason": "go"})

    page = browser.get("/flags/checkout/").text
    assert coverage() == 10_000
    assert '<li class="strip-current" aria-current="step">' in page
    assert "by rosa: go" in page
    assert "Start the ramp" not in page


def test_flag__waiting__says_for_what(browser):
    running()
    ramps.tick(now=NOW)

    assert "held until 2026-03-02 11:00 UTC" in browser.get("/flags/checkout/").text


def test_flag__steered__each_button_does_what_it_says(browser):
    made = running()
    at = f"/flags/ramps/{made.id}"

    browser.post(f"{at}/pause/", {"reason": "weekend"})
    assert "paused" in browser.get("/flags/checkout/").text
    browser.post(f"{at}/resume/")
    browser.post(f"{at}/steps/1/approve/", {"reason": "fine"})
    browser.post(f"{at}/steps/1/jump/", {"reason": "sure"})
    assert coverage() == 500_000
    browser.post(f"{at}/steps/0/jump/", {"reason": "undo"})
    assert coverage() == 10_000
    browser.post(f"{at}/roll-back/", {"reason": "errors"})

    page = browser.get("/flags/checkout/").text
    assert coverage() == 0
    assert "rolled back" in page
    assert "Steer it" not in page


def test_flag__ended__another_can_be_started(browser):
    made = running()

    browser.post(f"/flags/ramps/{made.id}/end/")

    assert "Start the ramp" in browser.get("/flags/checkout/").text


def test_flag__approved_by_who_started__said(browser):
    ready()
    browser.post("/flags/checkout/ramp/", {"plan": "careful", "rule": "r1"})

    answer = browser.post(f"/flags/ramps/{RampRun.objects.get().id}/steps/1/approve/")

    assert answer.status_code == 422
    assert "cannot approve" in answer.text


def call(api, method, path, body=None, **headers):
    content = {} if body is None else body
    return getattr(api, method)(f"/api/v1/{path}", content, content_type="application/json", headers=headers)


def test_api__whole_life__plan_start_steer_roll_back(browser):
    flag()
    published([split(0)])

    plan = call(browser, "post", "ramp-plans", {"key": "careful", "steps": STEPS})
    made = call(browser, "post", f"{ONE}/ramps", {"plan": "careful", "reason": "go"})
    at = f"ramps/{made.json()['id']}"
    paused = call(browser, "post", f"{at}/pause", {"reason": "weekend"})
    resumed = call(browser, "post", f"{at}/resume")
    refused = call(browser, "post", f"{at}/approve-step", {"step": 1})
    back = call(browser, "post", f"{at}/rollback", {"reason": "errors"})

    assert [plan.status_code, made.status_code, refused.status_code] == [201, 201, 422]
    assert [each.json()["state"] for each in (made, paused, resumed, back)] == [
        "running",
        "paused",
        "running",
        "rolled_back",
    ]
    assert [row["key"] for row in browser.get("/api/v1/ramp-plans").json()["results"]] == ["careful"]
    (listed,) = browser.get(f"/api/v1/{ONE}/ramps").json()
    assert [event["kind"] for event in listed["events"]][-1] == "rolled_back"
    assert browser.get(f"/api/v1/{at}").json()["coverage_ppm"] == 0


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("ramp-plans", {"key": "x"}, "steps"),
        ("ramp-plans", {"key": "x", "steps": {}}, "steps"),
        ("ramp-plans", {"key": "x", "steps": [{}]}, "steps[0].coverage_ppm"),
        (f"{ONE}/ramps", {"plan": 5}, "plan"),
        (f"{ONE}/ramps", {"steps": [{"coverage_ppm": 5}], "rule": "r9"}, "rule"),
    ],
)
def test_api__wrong_body__422_with_the_field(browser, path, body, field):
    flag()
    published([split(0)])

    answer = call(browser, "post", path, body)

    assert answer.status_code == 422
    assert field in {problem["field"] for problem in answer.json()["problems"]}


def test_api__pause_without_reason_and_unknown_ramp__problems(browser):
    made = running()

    assert call(browser, "post", f"ramps/{made.id}/pause").status_code == 422
    assert call(browser, "post", "ramps/99/pause", {"reason": "x"}).status_code == 404


def test_api__key_of_another_environment__403(client):
    made = running()
    environment("staging", is_production=False)
    _, secret = key(environment="staging", scope="admin")
    header = {"Authorization": f"Bearer {secret}"}

    assert call(client, "post", f"ramps/{made.id}/rollback", {"reason": "x"}, **header).status_code == 403
    assert call(client, "post", f"{ONE}/ramps", {"plan": "careful"}, **header).status_code == 403
    assert call(client, "post", "ramp-plans", {"key": "x", "steps": STEPS}, **header).status_code == 403
