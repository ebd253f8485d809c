"""Pages and API of ablation studies: planned, proposed, consented, started, killed; refused in words."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from flags import services as flag_services
from impact import queries
from metrics import services as metrics
from tests.apps.impact import build
from tests.apps.impact.test_mining import CONVERSION
from tests.apps.impact.test_studies import ETHICS, approved, propose, started

pytestmark = pytest.mark.django_db
PLAN = {
    "surface": "checkout",
    "doses_ms": "100, 200, 400",
    "share": "1",
    "days": "14",
    "users_a_day": "200000",
    "slope": "0.5",
}
PROPOSAL = PLAN | {
    "title": "What a slower checkout costs",
    "key": "slow-checkout",
    "environment": "production",
    "exposures": "100000",
    "concurrent": "20",
    "ethics": ETHICS,
}


@pytest.fixture
def shop():
    build.surface()
    flag_services.create_environment(key="production", is_production=True, actor="ada", now=build.NOW)
    metrics.load_definitions(texts={"c.toml": CONVERSION}, actor="rosa", now=build.NOW)
    build.value()


@pytest.fixture
def console(client):
    client.force_login(get_user_model().objects.create_user("bea"))
    return client


@pytest.fixture
def as_person(client):
    def log_in(name):
        user, _ = get_user_model().objects.get_or_create(username=name)
        client.force_login(user)
        return client

    return log_in


def text(answer):
    return answer.content.decode()


def page(name, **where):
    return reverse(name, kwargs=where)


def test_list__nothing_there__leads_to_the_first_step(console):
    assert "It needs a" in text(console.get(page("ablations")))

    build.surface()

    assert "Nobody was slowed down yet" in text(console.get(page("ablations")))


def test_planner__numbers__cost_consents_users_and_the_chance_of_a_knee(shop, console):
    found = text(console.get(page("ablation-planner"), PLAN))

    assert "EUR 540" in found
    assert "28,000 users in each arm" in found
    assert "Needs 3 consents" in found
    assert "knee at 500 ms" in found


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"share": "3"}, "an arm may hold up to 2 % of users"),
        ({"doses_ms": "none"}, "a ladder has 1 to 8 different doses"),
        ({"days": "40"}, "a study runs 7 to 28 days"),
    ],
)
def test_planner__beyond_a_cap__refused_beside_the_field(shop, console, changed, words):
    answer = console.get(page("ablation-planner"), PLAN | changed)

    assert answer.status_code == 422
    assert words in text(answer)


def test_planner__surface_without_a_value__says_what_is_missing(console):
    build.surface()

    assert "nobody said what it brings in" in text(console.get(page("ablation-planner"), PLAN))


def test_proposal__as_one_types__planned_and_not_saved(shop, console):
    typed = PLAN | {"action": "check"}

    found = text(console.post(page("ablation-new"), typed))

    assert "EUR 540" in found
    assert not queries.studies().exists()


def test_proposal__refused__keeps_what_was_typed(shop, console):
    answer = console.post(page("ablation-new"), PROPOSAL | {"ethics": "fine"})

    assert answer.status_code == 422
    assert "this is too short" in text(answer)
    assert 'value="slow-checkout"' in text(answer)


def test_study__from_proposal_to_kill_switch__by_the_pages(shop, as_person):
    there = page("ablation", key="slow-checkout")
    assert as_person("eva").post(page("ablation-new"), PROPOSAL).status_code == 302
    assert "You proposed it, so others consent" in text(as_person("eva").get(there))
    for who, capacity in (("ada", "surface_owner"), ("rosa", "metric_owner"), ("vera", "sponsor")):
        console = as_person(who)
        assert f'value="{capacity}"' in text(console.get(there))
        console.post(page("ablation-approve", key="slow-checkout"), {"capacity": capacity})
    console.post(page("ablation-start", key="slow-checkout"))
    running = text(console.get(there))
    assert "Kill switch" in running
    assert "The first week is told tomorrow" in running

    console.post(page("ablation-end", key="slow-checkout"), {"reason": "support is overrun"})

    ended = text(console.get(there))
    assert "support is overrun" in ended
    assert "Kill switch" not in ended
    assert "over, measured on" in text(console.get(page("ablations")))


def test_study__weeks__shown_with_growth_and_recovery(shop, console):
    row = started()
    week = {"users": 900, "days": 7, "since": "2026-03-04", "standard_error": 0.001}
    row.follow = {
        "weeks": [
            {**week, "week": 1, "is_after": False, "per_100_ms": -0.002, "low": -0.003, "high": -0.001},
            {**week, "week": 2, "is_after": False, "per_100_ms": -0.004, "low": -0.005, "high": -0.003},
            {**week, "week": 3, "is_after": True, "per_100_ms": -0.003, "low": -0.004, "high": -0.002},
        ]
    }
    row.save(update_fields=["follow"])

    found = text(console.get(page("ablation", key="slow-checkout")))

    assert "cost 2.0 times as much as the earlier half" in found
    assert "0.30% per 100 ms is still lost" in found


def test_consent__not_the_owner__no_button_and_refused(shop, as_person):
    propose()
    console = as_person("nobody")

    assert "Consent as owner of the surface" not in text(console.get(page("ablation", key="slow-checkout")))
    answer = console.post(page("ablation-approve", key="slow-checkout"), {"capacity": "surface_owner"})

    assert answer.status_code == 409


def test_withdraw__before_the_start__by_the_page(shop, console):
    approved()

    console.post(page("ablation-withdraw", key="slow-checkout"), {"reason": "not now"})

    assert queries.study("slow-checkout").state == "withdrawn"


def test_study__unknown__not_found(console):
    assert console.get(page("ablation", key="nothing")).status_code == 404


BODY = {
    "key": "slow-checkout",
    "title": "Slow",
    "surface": "checkout",
    "doses_ms": [100, 400],
    "share_ppm": 10_000,
    "days": 14,
    "exposures": 1000,
    "ethics": ETHICS,
}


def post(client, name, body=None, **where):
    return client.post(page(name, **where), body or {}, content_type="application/json")


def test_api__whole_life__over_http(shop, as_person):
    made = post(as_person("eva"), "api-ablations", BODY)
    assert made.status_code == 201, made.content
    assert made.json()["needed_approvals"] == ["surface_owner", "metric_owner", "sponsor"]
    for who, capacity in (("ada", "surface_owner"), ("rosa", "metric_owner"), ("vera", "sponsor")):
        said = post(as_person(who), "api-ablation-approve", {"capacity": capacity}, key="slow-checkout")
    assert said.json()["state"] == "approved"
    client = as_person("ada")
    assert post(client, "api-ablation-start", key="slow-checkout").json()["state"] == "running"
    assert client.get(page("api-ablation", key="slow-checkout")).json()["spent"] == 0
    assert len(client.get(page("api-ablations")).json()["results"]) == 1

    ended = post(client, "api-ablation-end", {"reason": "enough"}, key="slow-checkout")

    assert ended.json()["end_reason"] == "enough"
    refused = post(client, "api-ablation-estimate", key="slow-checkout")
    assert refused.status_code == 422
    assert "nothing has been analysed yet" in refused.content.decode()


@pytest.mark.parametrize("changed", [{"doses_ms": ["many"]}, {"doses_ms": [True]}, {"exclusions": [1]}])
def test_api__lists_of_something_else__refused(shop, console, changed):
    assert post(console, "api-ablations", BODY | changed).status_code == 422


def test_api__plan__users_days_and_cost(shop, console):
    body = {"surface": "checkout", "doses_ms": [500], "share_ppm": 20_000, "days": 14, "units_a_day": 10**6}

    found = post(console, "api-ablation-plan", body).json()

    assert found["outlook"]["lines"][0]["units_per_arm"] == pytest.approx(480_000, rel=0.03)
    assert found["approvals"] == ["surface_owner", "metric_owner", "sponsor"]


def test_api__withdraw_without_a_reason__refused(shop, console):
    propose()

    assert post(console, "api-ablation-withdraw", key="slow-checkout").status_code == 422
