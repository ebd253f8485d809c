# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Drafts, versions, documents: what is published never changes, and what is served is what is published."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from flags import queries, services
from flags.models import FlagVersion
from headway.evaluation.entries import Entries
from headway.reading import read_config
from ledger import audit
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, Refused
from tests.apps.flags.build import (
    BY,
    NOW,
    definition,
    document,
    draft,
    environment,
    flag,
    live,
    published,
    split,
)

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
AT: dict = {"flag": "checkout", "environment": "production"}
DE = {"attribute": "country", "op": "in", "value": ["de"]}


def test_draft__saved__live_stays_and_salts_are_drawn():
    flag()
    before = document()

    saved = draft([split()])

    assert (saved.state, saved.number, saved.parent, live().number) == ("draft", 2, live(), 1)
    assert document() == before
    part = saved.definition["rules"][0]["split"]
    assert part["gate_salt"] != part["arm_salt"]
    row = ledger_queries.audit_of("flag:checkout").first()
    assert (row.action, row.after["checksum"]) == ("flag.draft.saved", saved.checksum)


def test_draft__saved_again__same_number_new_checksum():
    flag()
    first = draft([split()])

    second = draft([split(200_000)])

    assert (second.number, second.id) == (first.number, first.id)
    assert second.checksum != first.checksum


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rules": [{"variant": "maybe"}]}, "rules[0].variant"),
        ({"rules": [{"split": {"coverage_ppm": 5, "arms": [["on", 999_999]]}}]}, "rules[0].split.arms"),
        ({"rules": ["x"]}, "rules[0]"),
        ({"rules": [{"split": []}]}, "rules[0].split"),
        ({"rules": {}}, "rules"),
        ({"variants": []}, "variants"),
        ({"type": "json"}, "type"),
        ({"unit_type": "device"}, "unit_type"),
        ({"on": "yes"}, "on"),
        ({"colour": "red"}, "colour"),
        ({"default": "\0"}, "definition"),
        ({"forced": {"a": float("nan")}}, "definition"),
        ({"rules": [{"variant": "on", "when": {"segment": "nobody"}}]}, "rules[0].when.segment"),
        ({"prerequisites": [{"flag": "nothing", "variants": ["on"]}]}, "prerequisites[0].flag"),
    ],
)
def test_draft__bad_definition__refused_with_the_field(changes, field):
    flag()

    with pytest.raises(Refused) as refused:
        services.save_draft(**AT, definition={**definition(), **changes}, **BY)

    assert field in {problem.field for problem in refused.value.problems}
    assert queries.draft(queries.flag("checkout"), queries.environment("production")) is None


@pytest.mark.parametrize("content", [None, [], "x", 5])
def test_draft__no_object__refused(content):
    flag()

    with pytest.raises(Refused, match="no JSON object"):
        services.save_draft(**AT, definition=content, **BY)


def test_draft__nested_without_end__refused():
    flag()
    deep: dict = {}
    for _ in range(5_000):
        deep = {"not": deep}

    with pytest.raises(Refused, match="nested too deeply"):
        services.save_draft(
            **AT, definition={**definition(), "rules": [{"variant": "on", "when": deep}]}, **BY
        )


def test_draft__somebody_else_saved_meanwhile__conflict_says_who():
    flag()
    seen = live().checksum
    draft([split()])

    with pytest.raises(Conflict, match="draft 2 by ada"):
        services.save_draft(**AT, definition=definition(), seen=seen, actor="bob", now=LATER)


def test_draft__salt_of_another_flag__refused():
    flag("search")
    published([split()], flag="search")
    stolen = definition("search")["rules"][0]
    flag()

    with pytest.raises(Refused, match="this salt belongs to flag:search"):
        draft([stolen])


def test_draft__circle_of_prerequisites__refused():
    flag("search")
    flag()
    published(flag="search", prerequisites=[{"flag": "checkout", "variants": ["on"]}])

    with pytest.raises(Refused, match="leads back to itself"):
        draft(prerequisites=[{"flag": "search", "variants": ["on"]}])


def test_publish__draft__live_document_and_audit_in_one():
    flag()
    before = document()["version"]

    made = published([split()], reason="first step")

    entry = document()["flags"]["checkout"]
    assert (made.state, made.published_by, made.published_at, made.reason) == (
        "published",
        "ada",
        NOW,
        "first step",
    )
    assert entry == {"version": 2, **made.definition}
    assert document()["version"] == before + 1
    row = ledger_queries.audit_of("flag:checkout").first()
    assert (row.action, row.reason, row.before["number"], row.after["number"]) == (
        "flag.version.published",
        "first step",
        1,
        2,
    )
    assert row.after["changes"][0].startswith("Rule r1 added")
    assert audit.first_broken() is None


def test_publish__document__flags_stand_last_so_that_sdks_read_one_after_the_other():
    flag()
    found = queries.config_document(environment())

    config = read_config(bytes(found.body))

    assert isinstance(config.document["flags"], Entries)
    assert dict(config.document["flags"]) == document()["flags"]


def test_publish__twice__conflict():
    flag()
    made = published([split()])

    with pytest.raises(Conflict, match="this version is published"):
        services.publish(**AT, version=made.number, **BY)


def test_publish__draft_edited_since_it_was_looked_at__conflict():
    flag()
    seen = draft([split()]).checksum
    saved = draft([split(200_000)])

    with pytest.raises(Conflict, match="somebody changed it meanwhile"):
        services.publish(**AT, version=saved.number, seen=seen, **BY)


def test_publish__draft_that_was_overtaken__conflict_until_it_is_saved_again():
    flag()
    published([split(100_000)])
    saved = draft([split(900_000)])
    services.set_coverage(**AT, coverage_ppm=50_000, **BY)

    with pytest.raises(Conflict, match="the draft began before this went live: version 4"):
        services.publish(**AT, version=saved.number, **BY)

    again = draft([split(900_000)])
    assert again.number == 5
    assert services.publish(**AT, version=again.number, **BY).number == 5


def test_publish__segment_gone_since_the_draft_was_saved__refused():
    flag("search")
    flag()
    saved = draft(prerequisites=[{"flag": "search", "variants": ["on"]}])
    services.archive(flag="search", reason="old", **BY)

    with pytest.raises(Refused, match="there is no such flag"):
        services.publish(**AT, version=saved.number, **BY)


@pytest.mark.parametrize(
    "change",
    [
        {"definition": {}},
        {"checksum": "0" * 64},
        {"number": 9},
        {"author": "eve"},
        {"published_by": "eve"},
        {"published_at": LATER},
        {"reason": "other"},
        {"state": "draft"},
    ],
)
@pytest.mark.parametrize("number", [1, 2])
def test_version__published_or_superseded_changed_past_the_services__database_refuses(change, number):
    flag()
    published([split()])

    with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
        FlagVersion.objects.filter(number=number).update(**change)


def test_version__deleted_past_the_services__database_refuses():
    flag()

    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        FlagVersion.objects.all()._raw_delete("default")


def test_discard__draft__gone_and_number_not_used_again():
    flag()
    draft([split()])

    services.discard_draft(**AT, reason="not needed", **BY)

    assert draft([split()]).number == 3
    with pytest.raises(DatabaseError), transaction.atomic():
        FlagVersion.objects.filter(number=2).update(state="published")


def test_discard__no_draft__conflict():
    flag()

    with pytest.raises(Conflict, match="there is no draft"):
        services.discard_draft(**AT, **BY)


def test_revert__earlier_version__new_version_with_its_definition():
    flag()
    published([split()])

    made = services.revert(**AT, version=1, reason="slower", **BY)

    assert (made.number, made.definition, made.reason) == (3, definition(), "slower")
    assert definition()["rules"] == []
    assert [version.state for version in queries.versions(queries.flag("checkout"), environment())] == [
        "published",
        "superseded",
        "superseded",
    ]


def test_revert__to_a_split__same_salts_so_same_arms():
    flag()
    salts = published([split()]).definition["rules"][0]["split"]
    published([])

    services.revert(**AT, version=2, **BY)

    assert definition()["rules"][0]["split"] == salts


@pytest.mark.parametrize(
    ("version", "reason"), [(3, "live and says the same"), (2, "was never live"), (9, "no such version")]
)
def test_revert__nothing_to_revert_to__refused(version, reason):
    flag()
    draft([split()])
    services.discard_draft(**AT, **BY)
    published([{"variant": "on", "when": DE}])

    with pytest.raises(Refused, match=reason):
        services.revert(**AT, version=version, **BY)


def test_revert__live_version_changed_since_the_page_was_read__conflict():
    flag()
    published([split()])
    services.set_coverage(**AT, coverage_ppm=5, **BY)

    with pytest.raises(Conflict, match="version 3 by ada"):
        services.revert(**AT, version=1, seen=2, **BY)
