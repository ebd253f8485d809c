"""Flags themselves: made, described, archived."""

from datetime import date

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, transaction

from flags import gates, queries, services
from flags.gates import Blocked, Finding
from flags.models import Flag
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, NotFound, Refused
from organisation.services import create_team, hand_over_everything
from tests.apps.flags.build import (
    BY,
    HALF,
    NOW,
    definition,
    document,
    draft,
    environment,
    flag,
    live,
    published,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def objection(monkeypatch):
    """A gate that objects to everything, and what it was told."""
    told = []

    def gate(subject):
        told.append(subject)
        return [Finding("trip", "a guardrail is tripped")]

    monkeypatch.setattr(gates, "_gates", {action: [gate] for action in gates.ACTIONS})
    return told


@pytest.mark.parametrize(
    ("value_type", "value"), [("bool", False), ("string", "control"), ("number", 0), ("json", {})]
)
def test_create__any_type__serves_its_default_everywhere(value_type, value):
    environment()
    environment("staging", is_production=False)

    flag("search", value_type)

    for place in ("production", "staging"):
        entry = document(place)["flags"]["search"]
        assert entry["version"] == 1
        assert entry["variants"][entry["default"]] == value
        assert entry["default"] == entry["off"]


def test_create__own_variants__first_one_unless_named():
    flag("a", "number", variants={"slow": 200, "fast": 20})
    flag("b", "number", variants={"slow": 200, "fast": 20}, default="fast")

    assert (definition("a")["default"], definition("b")["default"]) == ("slow", "fast")


def test_create__any__audited_with_owner_and_first_version():
    flag(owner="team checkout", title="New checkout", expires_on=date(2026, 9, 1))

    rows = list(ledger_queries.audit_of("flag:checkout"))

    assert [row.action for row in rows] == ["flag.version.published", "flag.created"]
    assert rows[1].after["owner"] == "team checkout"
    assert rows[1].after["expires_on"] == "2026-09-01"


def test_create__without_owner__actor_owns_it():
    assert flag().owner == "ada"


def test_create__same_key__conflict():
    flag()

    with pytest.raises(Conflict, match="there is a flag with this key"):
        flag()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"key": "New Checkout"}, "key"),
        ({"key": "segments"}, "key"),
        ({"unit_type": "a user"}, "unit_type"),
        ({"value_type": "boolean"}, "value_type"),
        ({"kind": "toggle"}, "kind"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"owner": " \t"}, "owner"),
        ({"expires_on": "soon"}, "expires_on"),
        ({"variants": {"on": "yes"}}, "variants.on"),
        ({"default": "maybe"}, "off"),
        ({"reason": "x" * 2001}, "reason"),
    ],
)
def test_create__bad_input__refused_by_field_and_nothing_stored(wrong, field):
    environment()

    with pytest.raises(Refused) as refused:
        flag(**wrong)

    assert field in {problem.field for problem in refused.value.problems}
    assert not Flag.objects.exists()


def test_create__default_that_is_not_at_rest__gates_are_asked(objection):
    environment()

    flag("quiet", in_environments=[])
    with pytest.raises(Blocked):
        services.create_flag(
            key="loud", value_type="bool", variants={"off": False, "on": True}, default="on", **BY
        )

    assert [subject.coverage_after_ppm for subject in objection] == [0]


def test_edit__some_fields__only_those_audited_and_document_untouched():
    flag(title="Old")
    version = document()["version"]

    services.edit_flag(flag="checkout", content={"title": "New", "owner": "ada"}, **BY)

    row = ledger_queries.audit_of("flag:checkout").first()
    assert (row.action, row.before, row.after) == ("flag.edited", {"title": "Old"}, {"title": "New"})
    assert document()["version"] == version


def test_edit__nothing_new__no_audit_row():
    flag()

    services.edit_flag(flag="checkout", content={"owner": "ada"}, **BY)

    assert ledger_queries.audit_of("flag:checkout").first().action != "flag.edited"


@pytest.mark.parametrize("content", [{"key": "other"}, {"value_type": "json"}, {"owner": ""}, {"kind": "x"}])
def test_edit__what_cannot_change__refused(content):
    flag()

    with pytest.raises(Refused):
        services.edit_flag(flag="checkout", content=content, **BY)


@pytest.mark.parametrize("change", [{"key": "other"}, {"value_type": "json"}])
def test_flag__identity_changed_past_the_services__database_refuses(change):
    flag()

    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        Flag.objects.update(**change)


def test_archive__live_flag__out_of_every_document_and_back():
    environment("staging", is_production=False)
    flag()

    services.archive(flag="checkout", reason="cleaned up", **BY)
    assert "checkout" not in document()["flags"]
    assert "checkout" not in document("staging")["flags"]
    assert list(queries.flags()) == []
    assert [found.key for found in queries.flags(archived=True)] == ["checkout"]

    services.unarchive(flag="checkout", **BY)
    assert document()["flags"]["checkout"]["version"] == 1


def test_archive__experiment_runs__conflict_names_it():
    flag()
    services.publish_experiment_rule(
        environment="production", flag="checkout", experiment="prefetch", arms=HALF, coverage_ppm=5, **BY
    )

    with pytest.raises(Conflict, match="experiment prefetch runs on it in production"):
        services.archive(flag="checkout", reason="cleaned up", **BY)


def test_archive__another_flag_depends_on_it__refused():
    flag("search")
    flag()
    published(prerequisites=[{"flag": "search", "variants": ["on"]}])

    with pytest.raises(Refused, match="there is no such flag"):
        services.archive(flag="search", reason="cleaned up", **BY)

    assert "search" in document()["flags"]


@pytest.mark.parametrize("action", [services.switch_off, services.switch_on])
def test_archived__any_change__conflict(action):
    flag()
    services.archive(flag="checkout", reason="cleaned up", **BY)

    with pytest.raises(Conflict, match="archived"):
        action(flag="checkout", environment="production", reason="x", **BY)


def test_archive__no_reason__refused():
    flag()

    with pytest.raises(Refused, match="needs a reason"):
        services.archive(flag="checkout", reason=" ", **BY)


def test_archive__twice__conflict():
    flag()
    services.archive(flag="checkout", reason="cleaned up", **BY)

    with pytest.raises(Conflict):
        services.archive(flag="checkout", reason="cleaned up", **BY)


def test_unarchive__rules_that_reach_people__gates_are_asked(objection, monkeypatch):
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})
    flag()
    published([{"variant": "on"}])
    services.archive(flag="checkout", reason="cleaned up", **BY)
    monkeypatch.setattr(
        gates, "_gates", {action: [lambda s: [Finding("trip", "no")]] for action in gates.ACTIONS}
    )

    with pytest.raises(Blocked):
        services.unarchive(flag="checkout", **BY)

    assert live().number == 2
    assert "checkout" not in document()["flags"]


def test_flag__unknown__known_ones_are_named():
    flag()

    with pytest.raises(NotFound, match="Known: checkout"):
        services.edit_flag(flag="chekout", content={}, actor="ada", now=NOW)


SCHEMA = {"type": "object", "required": ["limit"], "properties": {"limit": {"type": "integer"}}}
FITS: dict = {"control": {"limit": 1}, "treatment": {"limit": 2}}


def test_schema__value_that_breaks_it__refused_when_saved_with_variant_and_place():
    flag(value_type="json", variants=FITS, json_schema=SCHEMA)

    with pytest.raises(Refused) as caught:
        draft(variants={**FITS, "treatment": {"limit": "2"}})

    assert [each.field for each in caught.value.problems] == ["variants.treatment.limit"]
    assert draft(variants={**FITS, "treatment": {"limit": 3}}).number == 2


def test_schema__that_the_live_values_break__refused_and_the_kill_switch_never_waits():
    flag(value_type="json", variants=FITS)
    strict = {**SCHEMA, "properties": {"limit": {"minimum": 2}}}

    with pytest.raises(Refused, match="version 1 in production breaks it"):
        services.edit_flag(flag="checkout", content={"json_schema": strict}, **BY)

    services.edit_flag(flag="checkout", content={"json_schema": SCHEMA}, **BY)
    Flag.objects.update(json_schema=strict)
    services.switch_off(flag="checkout", environment="production", reason="harm", **BY)
    assert definition()["on"] is False


def test_schema__of_a_flag_without_json__refused():
    with pytest.raises(Refused, match="need no schema"):
        flag(json_schema=SCHEMA)


def test_backup_and_team__named__kept_and_in_the_audit():
    create_team(key="web", name="Web", owner="ada", **BY)
    flag(backup="bob", team="web")

    services.edit_flag(flag="checkout", content={"backup": "carol", "team": ""}, **BY)

    found = queries.flag("checkout")
    assert (found.backup, found.team) == ("carol", None)
    row = ledger_queries.audit_of("flag:checkout").first()
    assert (row.before, row.after) == ({"backup": "bob", "team": "web"}, {"backup": "carol", "team": ""})


@pytest.mark.parametrize(
    ("content", "words"),
    [({"backup": "ada"}, "this is the owner"), ({"team": "nobody"}, "no team"), ({"backup": 5}, "no text")],
)
def test_backup_or_team__that_cannot_be__refused(content, words):
    flag(owner="ada")

    with pytest.raises(Refused, match=words):
        services.edit_flag(flag="checkout", content=content, **BY)


def test_owner__left__flags_are_listed_and_handed_over_with_everything_else():
    django_user = get_user_model().objects.create_user("bob")
    flag(owner="ada", backup="bob")

    hand_over_everything(from_user="ada", to_user=django_user.username, reason="changed teams", **BY)

    found = queries.flag("checkout")
    assert (found.owner, found.backup) == ("bob", "")
    row = ledger_queries.audit_of("flag:checkout").first()
    assert (row.action, row.reason) == ("flag.edited", "changed teams")
