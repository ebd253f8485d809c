"""Teams, surfaces, roles and ownership: services, refusals, audit, pages and API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.urls import reverse

from ledger import queries as ledger_queries
from ledger.refusals import Conflict, NotFound, Refused
from organisation import ownership, queries, services
from organisation.models import RoleGrant, Surface, Team
from organisation.roles import Discipline, Right

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
BY = {"actor": "ada", "now": NOW}


def person(name, **facts):
    return get_user_model().objects.create_user(username=name, password="long-enough-word", **facts)


def team(key="shop", **facts):
    return services.create_team(**{"key": key, "name": "Shop", "owner": "ada", **BY, **facts})


def surface(key="checkout", **facts):
    return services.create_surface(
        **{"key": key, "name": "Checkout", "team": "shop", "owner": "bea", **BY, **facts}
    )


@pytest.fixture
def console(client):
    client.force_login(person("ada"))
    return client


def test_team__made__audited_with_its_facts():
    team(channel="#shop")

    row = ledger_queries.audit_of("team:shop").get()

    assert row.action == "team.created"
    assert row.after["channel"] == "#shop"


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"key": "No spaces"}, "key"),
        ({"name": "  "}, "name"),
        ({"owner": ""}, "owner"),
        ({"backup": "ada"}, "backup"),
        ({"name": "two\nlines"}, "name"),
        ({"channel": "x" * 101}, "channel"),
    ],
)
def test_team__wrong_fact__refused_with_its_field(facts, field):
    with pytest.raises(Refused) as refused:
        team(**facts)

    assert [problem.field for problem in refused.value.problems] == [field]
    assert not Team.objects.exists()


def test_team__same_key__conflict():
    team()

    with pytest.raises(Conflict):
        team()


def test_team__changed_to_the_same__leaves_no_trace():
    team()

    services.change_team(key="shop", name="Shop", owner="ada", **BY)

    assert ledger_queries.audit_of("team:shop").count() == 1


def test_surface__of_an_unknown_team__not_found():
    with pytest.raises(NotFound):
        surface()


def test_surface__changed__audit_holds_only_what_changed():
    team()
    surface()

    services.change_surface(key="checkout", name="Checkout", team="shop", owner="cyd", reason="moved", **BY)

    row = ledger_queries.audit_of("surface:checkout").order_by("-id").first()
    assert (row.before, row.after, row.reason) == ({"owner": "bea"}, {"owner": "cyd"}, "moved")


def test_archive__team_with_surfaces__conflict_and_stays():
    team()
    surface()

    with pytest.raises(Conflict):
        services.archive(kind="team", key="shop", **BY)

    assert queries.teams().count() == 1


def test_archive__surface__leaves_the_list_and_stays_readable():
    team()
    surface()

    services.archive(kind="surface", key="checkout", **BY)

    assert not queries.surfaces().exists()
    assert queries.surface("checkout").archived_at == NOW


def test_backup__same_as_owner__the_database_refuses_too():
    made = team()

    with pytest.raises(IntegrityError), transaction.atomic():
        Team.objects.filter(id=made.id).update(backup="ada")


def test_roles__nobody_holds_one__everybody_may_do_everything():
    assert queries.is_allowed("anyone", Right.ADMINISTER)
    assert queries.may_answer_for("anyone", Discipline.PERFORMANCE)


def test_grant__first_one_is_no_admin__refused_because_nobody_could_give_roles():
    person("ada")

    with pytest.raises(Conflict):
        services.grant(user="ada", role="viewer", **BY)

    assert not RoleGrant.objects.exists()


def test_grant__superuser_exists__any_role_may_come_first():
    get_user_model().objects.create_superuser("root", password="long-enough-word")
    person("ada")

    services.grant(user="ada", role="viewer", **BY)

    assert not queries.is_allowed("ada", Right.EXPERIMENT)
    assert queries.is_allowed("root", Right.ADMINISTER)


def test_grant__reviewer__may_answer_for_one_discipline():
    person("ada")
    person("rex")
    services.grant(user="ada", role="admin", **BY)

    services.grant(user="rex", role="reviewer", discipline="performance", **BY)

    assert queries.may_answer_for("rex", Discipline.PERFORMANCE)
    assert not queries.may_answer_for("rex", Discipline.LEGAL)
    assert queries.reviewers(Discipline.PERFORMANCE) == ["rex"]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"user": "nobody"}, "user"),
        ({"role": "king"}, "role"),
        ({"role": "reviewer"}, "discipline"),
        ({"discipline": "legal"}, "discipline"),
    ],
)
def test_grant__wrong_fact__refused_with_its_field(facts, field):
    person("ada")

    with pytest.raises(Refused) as refused:
        services.grant(**{"user": "ada", "role": "admin", **BY, **facts})

    assert refused.value.problems[0].field == field


def test_revoke__last_admin_while_others_hold_roles__conflict():
    person("ada")
    person("eva")
    admin = services.grant(user="ada", role="admin", **BY)
    services.grant(user="eva", role="viewer", **BY)

    with pytest.raises(Conflict):
        services.revoke(id=admin.id, **BY)


def test_revoke__twice__second_time_not_found():
    person("ada")
    admin = services.grant(user="ada", role="admin", **BY)
    services.revoke(id=admin.id, **BY)

    with pytest.raises(NotFound):
        services.revoke(id=admin.id, **BY)


def test_away__deactivated_or_long_absent__both():
    person("gone", is_active=False)
    late = person("late")
    person("here", last_login=NOW)
    get_user_model().objects.filter(id=late.id).update(date_joined=NOW - timedelta(days=91))

    assert queries.away(now=NOW) == {"gone", "late"}


def test_orphans__owner_away_or_without_an_account__named_with_its_kind_and_why(console):
    person("gone", is_active=False)
    person("here", last_login=NOW)
    team(owner="gone")
    surface(owner="ghost")
    surface(key="cart", owner="here")

    found = [(thing.kind, thing.key, why) for thing, why in queries.orphans(now=NOW)]

    assert ("team", "shop", "gone is away") in found
    assert ("surface", "checkout", "ghost has no account") in found
    assert "cart" not in {key for _, key, _ in found}
    assert "ghost has no account" in console.get(reverse("orphans")).content.decode()


def test_hand_over__everything__all_or_nothing_with_one_audit_row_each():
    person("cyd")
    team(owner="bea", backup="cyd")
    surface()

    services.hand_over_everything(from_user="bea", to_user="cyd", reason="left", **BY)

    assert ownership.of("bea") == []
    assert Team.objects.get().backup == ""
    assert Surface.objects.get().owner == "cyd"
    assert ledger_queries.audit_of("surface:checkout").count() == 2


def test_hand_over__to_nobody_known__refused():
    team()

    with pytest.raises(Refused):
        services.hand_over_everything(from_user="ada", to_user="ghost", reason="left", **BY)


@pytest.mark.parametrize("page", ["teams", "surfaces", "people", "orphans"])
def test_page__nothing_there_yet__says_what_to_do(console, page):
    answer = console.get(reverse(page))

    assert answer.status_code == 200


def test_team_page__refused_form__keeps_what_was_typed(console):
    answer = console.post(
        reverse("teams"), {"key": "shop", "name": "Kept name", "owner": "ada", "backup": "ada"}
    )

    assert answer.status_code == 422
    assert "Kept name" in answer.content.decode()
    assert "the backup is the owner" in answer.content.decode()


def test_pages__make_change_archive_hand_over__all_work(console):
    person("bea")

    console.post(reverse("teams"), {"key": "shop", "name": "Shop", "owner": "ada"})
    console.post(reverse("surfaces"), {"key": "cart", "name": "Cart", "team": "shop", "owner": "ada"})
    console.post(reverse("surface", args=["cart"]), {"name": "Basket", "team": "shop", "owner": "ada"})
    assert queries.surface("cart").name == "Basket"
    assert console.get(reverse("team", args=["shop"])).status_code == 200
    console.post(reverse("person", args=["ada"]), {"to_user": "bea", "reason": "moved"})
    assert queries.surface("cart").owner == "bea"
    console.post(reverse("surface-archive", args=["cart"]), {"reason": "gone"})
    assert not queries.surfaces().exists()


def test_people_page__give_and_take_back__shown(console):
    console.post(reverse("people"), {"user": "ada", "role": "admin"})

    assert "Take back" in console.get(reverse("people")).content.decode()
    console.post(reverse("role-revoke", args=[RoleGrant.objects.get().id]))
    assert not queries.roles_hold()


def test_api__teams_surfaces_roles__made_read_changed(console):
    as_json = {"content_type": "application/json"}

    made = console.post("/api/v1/teams", {"key": "shop", "name": "Shop", "owner": "ada"}, **as_json)
    assert made.status_code == 201
    wrong = console.post("/api/v1/surfaces", {"key": "cart", "nam": "Cart"}, **as_json)
    assert wrong.status_code == 422
    assert {problem["field"] for problem in wrong.json()["problems"]} == {"nam", "name", "team", "owner"}
    body = {"key": "cart", "name": "Cart", "team": "shop", "owner": "ada"}
    assert console.post("/api/v1/surfaces", body, **as_json).status_code == 201
    del body["key"]
    changed = console.put("/api/v1/surfaces/cart", {**body, "name": "Basket"}, **as_json)
    assert changed.json()["name"] == "Basket"
    assert console.get("/api/v1/surfaces").json()["results"][0]["team"] == "shop"
    role = console.post("/api/v1/roles", {"user": "ada", "role": "admin"}, **as_json).json()
    assert console.delete(f"/api/v1/roles/{role['id']}").status_code == 204
