"""Roles hold at every address that changes something, in the console and over the API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import URLPattern, URLResolver, get_resolver

from config.permissions import RULES, named_right
from config.places import CHOSEN, LIVING, WRITTEN
from organisation import queries, services
from organisation.roles import Right

pytestmark = pytest.mark.django_db
BY = {"actor": "root", "now": datetime(2026, 3, 2, tzinfo=UTC)}
READ_ONLY = (
    "api/v1/schema",
    "api/v1/whoami",
    "api/v1/reports/",
    "api/v1/event-counts",
    "api/v1/event-freshness",
)
"""Addresses at which nothing can be changed: no rule needs to name them."""


def routes(resolver: URLResolver | None = None, beginning: str = "") -> list[str]:
    found: list[str] = []
    for entry in (resolver or get_resolver()).url_patterns:
        route = beginning + str(entry.pattern)
        found += [route] if isinstance(entry, URLPattern) else routes(entry, route)
    return found


def names(resolver: URLResolver | None = None) -> set[str | None]:
    found: set[str | None] = set()
    for entry in (resolver or get_resolver()).url_patterns:
        found |= {entry.name} if isinstance(entry, URLPattern) else names(entry)
    return found


def writes(route: str) -> bool:
    """Whether the view there takes anything but reading."""
    return route != "" and not route.startswith(READ_ONLY)


@pytest.fixture
def as_role(client):
    """Log in as somebody with one role, on a site where roles hold."""

    def log_in(role, **facts):
        people = get_user_model().objects
        people.create_superuser("root", password="long-enough-word")
        people.create_user("eva")
        services.grant(user="eva", role=role, **BY, **facts)
        client.force_login(people.get(username="eva"))
        return client

    return log_in


@pytest.mark.parametrize("route", [route for route in routes() if writes(route)])
def test_route__every_one__named_by_a_rule(route):
    assert named_right(route) is not None


def test_rules__none_hidden_behind_a_shorter_one_before_it():
    beginnings = [beginning for beginning, _ in RULES]

    hidden = [
        (later, earlier)
        for i, later in enumerate(beginnings)
        for earlier in beginnings[:i]
        if later.startswith(earlier)
    ]

    assert hidden == []


def test_places__every_one__is_an_address():
    assert names() >= CHOSEN | WRITTEN
    assert [start for start, _ in LIVING if not any(route.startswith(start) for route in routes())] == []


CHANGES = [
    ("/flags/new/", Right.EXPERIMENT),
    ("/flags/environments/", Right.ADMINISTER),
    ("/flags/keys/", Right.ADMINISTER),
    ("/experiments/new/", Right.EXPERIMENT),
    ("/metrics/new/", Right.DEFINE_METRICS),
    ("/organisation/teams/", Right.ADMINISTER),
    ("/reviews/receivers/", Right.ADMINISTER),
    ("/api/v1/flags", Right.EXPERIMENT),
    ("/api/v1/keys", Right.ADMINISTER),
    ("/api/v1/experiments", Right.EXPERIMENT),
    ("/api/v1/roles", Right.ADMINISTER),
]
GIVEN = {
    "viewer": set(),
    "experimenter": {Right.EXPERIMENT},
    "metric_owner": {Right.DEFINE_METRICS},
    "admin": {Right.EXPERIMENT, Right.DEFINE_METRICS, Right.ADMINISTER},
}


@pytest.mark.parametrize("role", GIVEN)
def test_change__by_each_role__allowed_exactly_where_its_rights_are(as_role, role):
    client = as_role(role)

    refused = {
        path
        for path, _ in CHANGES
        if client.post(path, {}, content_type="application/json").status_code == 403
    }

    assert refused == {path for path, right in CHANGES if right not in GIVEN[role]}


def test_reading__by_a_viewer__every_list_is_open(as_role):
    client = as_role("viewer")

    assert [client.get(path).status_code for path in ("/flags/", "/experiments/", "/api/v1/flags")] == [
        200
    ] * 3


def test_refusal__of_a_page__says_which_role_is_needed(as_role):
    answer = as_role("viewer").post("/flags/new/", {})

    assert "experimenter, admin" in answer.content.decode()


def test_role_of_one_environment__changes_only_there(as_role):
    client = as_role("experimenter", environment="staging")

    def switched_off(environment):
        path = f"/api/v1/flags/home/environments/{environment}/switch-off"
        return client.post(path, {"reason": "x"}, content_type="application/json").status_code

    assert switched_off("production") == 403
    assert switched_off("staging") == 404
    assert client.post("/flags/home/switch-off/", {"environment": "production"}).status_code == 403


def test_role_of_one_environment__experiment__changes_only_those_that_live_there(as_role):
    from tests.apps.experiments import build

    build.drafted()
    client = as_role("experimenter", environment="production")

    def edited(**given):
        return client.post(f"/experiments/{build.KEY}/edit/", given).status_code

    assert edited() == 422
    assert edited(environment="staging") == 403
    services.revoke(id=queries.grants("eva").get().id, **BY)
    services.grant(user="eva", role="experimenter", environment="staging", **BY)
    assert edited() == 403


def test_site_without_roles__everybody__may_change(client):
    client.force_login(get_user_model().objects.create_user("ada"))

    assert (
        client.post("/organisation/teams/", {"key": "shop", "name": "Shop", "owner": "ada"}).status_code
        == 302
    )


def test_admin_of_one_environment__names_it_in_the_address__gives_no_role_for_all(as_role):
    client = as_role("admin", environment="staging")

    answer = client.post("/organisation/people/?environment=staging", {"user": "eva", "role": "admin"})

    assert answer.status_code == 403
    assert [grant.environment for grant in queries.held_by("eva")] == ["staging"]


@pytest.mark.parametrize(
    ("role", "route"),
    [
        ("admin", "/organisation/teams/"),
        ("admin", "/sources/-/new/"),
        ("admin", "/reviews/receivers/"),
        ("admin", "/flags/environments/"),
        ("metric_owner", "/metrics/new/"),
        ("experimenter", "/flags/new/"),
        ("experimenter", "/flags/home/settings/"),
        ("experimenter", "/flags/home/archive/"),
        ("experimenter", "/impact/evidence/1/accept/"),
        ("experimenter", "/events/labelled/new/"),
    ],
)
def test_role_of_one_environment__names_it_where_every_one_is_concerned__refused(as_role, role, route):
    client = as_role(role, environment="staging")

    assert client.post(f"{route}?environment=staging", {"environment": "staging"}).status_code == 403


@pytest.fixture
def in_two_places():
    """One thing of each kind in production and in staging: the addresses that change it, by environment."""
    from flags import services as flag_services
    from tests.apps.flags import build, ramping

    for place in ("production", "staging"):
        build.environment(place, is_production=place == "production")
    build.flag()
    return {place: _things(place, build, ramping, flag_services) for place in ("production", "staging")}


def _things(place, build, ramping, flag_services):
    at = {"flag": "checkout", "environment": place, **build.BY}
    build.published([build.split(0)], environment=place)
    run = flag_services.start_ramp(**at, steps=ramping.STEPS)
    hold = flag_services.hold(**at, reason="A look at errors.")
    change = flag_services.schedule_change(
        **at, kind="switch_off", run_at=build.NOW + timedelta(days=1), reason="Over then."
    )
    held = flag_services.create_holdout(
        key=f"quarter-{place}", environment=place, share_ppm=50_000, **build.BY
    )
    key, _ = build.key(environment=place)
    return [
        ("experimenter", f"/flags/ramps/{run.id}/pause/"),
        ("experimenter", f"/flags/checkout/holds/{hold.id}/release/"),
        ("experimenter", f"/flags/scheduled/{change.id}/cancel/"),
        ("experimenter", f"/flags/holdouts/{held.key}/start/"),
        ("admin", f"/flags/keys/{key.prefix}/revoke/"),
    ]


@pytest.mark.parametrize("role", ["experimenter", "admin"])
def test_role_of_one_environment__names_it_for_what_lives_in_another__refused(as_role, in_two_places, role):
    client, said = as_role(role, environment="staging"), {"environment": "staging", "reason": "It is fine."}

    def answers(place):
        mine = [route for needed, route in in_two_places[place] if needed == role]
        return {client.post(f"{route}?environment=staging", said).status_code for route in mine}

    assert answers("production") == {403}
    assert answers("staging") == {302}
