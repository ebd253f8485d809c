# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""A whole environment over HTTP: who asks, what is served, and becoming what files say, or not at all."""

import json

import pytest

from flags import gitops, queries, services
from flags.models import Environment, Flag
from ledger.models import AuditEvent
from tests.api.flags.test_flags import send
from tests.apps.flags import build
from tests.apps.flags.build import BY, definition, document, environment, flag, key, live, published, split

pytestmark = pytest.mark.django_db
HERE = "environments/production"
DE = {"attribute": "country", "op": "in", "value": ["de"]}


@pytest.fixture
def call(client):
    """Calls with an admin key of production."""
    environment()
    _, secret = key(scope="admin", name="deploy script")
    return lambda method, path, body=None: send(client, method, path, body, Authorization=f"Bearer {secret}")


def wanted(key="checkout", seen=1, content=None, **settings):
    return {"kind": "flag", "key": key, "seen": seen, "settings": settings, "content": content or plain()}


def plain(**changes):
    return {"on": True, "variants": {"on": True, "off": False}, "off": "off", "default": "off", **changes}


def apply(call, *changes, **body):
    return call("post", f"{HERE}/apply", {"changes": list(changes), "reason": "reviewed", **body})


def test_whoami__key__its_scope_and_environment(call):
    told = call("get", "whoami").json()

    assert (told["is_key"], told["scope"], told["environment"]) == (True, "admin", "production")
    assert told["environments"] == ["production"]


def test_state__flags_segments_layers__all_there(call):
    flag()
    services.archive(flag=flag(key="old").key, reason="gone", **BY)
    services.create_segment(key="europe", **BY)
    services.create_layer(key="page", **BY)

    told = call("get", f"{HERE}/state").json()

    assert told["flags"]["checkout"]["version"] == 1
    assert told["flags"]["checkout"]["definition"] == definition()
    assert told["archived"] == ["old"]
    assert told["segments"]["europe"]["version"] == 0
    assert told["layers"] == {"page": {"unit_type": "user"}}


def test_state__every_setting__can_be_applied(call):
    flag()
    told = call("get", f"{HERE}/state").json()["flags"]["checkout"]

    assert set(gitops.SETTINGS["flag"]) <= set(told)


def test_document__same_bytes_as_sdks_get__and_304(call, client):
    flag()
    answer = call("get", f"{HERE}/document")

    assert json.loads(answer.content) == document()
    assert "checkout" in answer.json()["flags"]


def test_apply__new_and_changed__all_live_in_one_go(call):
    flag()
    needy = plain(prerequisites=[{"flag": "base", "variants": ["on"]}])
    segment = {"kind": "segment", "key": "europe", "seen": 0, "content": DE}

    done = apply(
        call,
        wanted("a-needy", seen=0, type="bool", content=needy),
        wanted("base", seen=0, type="bool", title="Base"),
        wanted(content=plain(rules=[split(250_000, when={"segment": "europe"})])),
        segment,
    )

    assert done.status_code == 200, done.json()
    assert [row["key"] for row in done.json()["changes"]] == ["europe", "base", "a-needy", "checkout"]
    assert live().definition["rules"][0]["split"]["coverage_ppm"] == 250_000
    assert live().reason == "reviewed"
    assert set(document()["flags"]) == {"checkout", "base", "a-needy"}
    assert queries.flag("base").title == "Base"


def test_apply__one_of_two_refused__neither_made_and_both_said(call):
    flag()
    flag(key="search")

    answer = apply(call, wanted(content=plain(default="nope")), wanted("search", content=plain(off="gone")))

    assert answer.status_code == 422
    fields = [each["field"] for each in answer.json()["problems"]]
    assert fields == ["flags.checkout.default", "flags.search.off"]
    assert (live().number, live("search").number) == (1, 1)


def test_apply__several__one_document_that_all_audit_rows_name(call):
    before = queries.config_document(environment()).version

    answer = apply(call, *(wanted(f"f{number}", seen=0, type="bool") for number in range(3)))

    after = queries.config_document(environment())
    assert (answer.json()["document_version"], after.version) == (before + 1, before + 1)
    assert {"f0", "f1", "f2"} <= document()["flags"].keys()
    rows = AuditEvent.objects.filter(action="flag.version.published", after__document=before + 1)
    assert rows.count() == 3


def test_apply__last_of_several_refused__what_stood_before_is_served(call):
    flag()
    before = bytes(queries.config_document(environment()).body)
    wrong = plain(rules=[{"id": "r", "when": {"segment": "nobody"}, "variant": "on"}])
    several = [wanted(f"f{number}", seen=0, type="bool") for number in range(3)]

    answer = apply(call, *several, wanted("zz", seen=0, content=wrong, type="bool"))

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["problems"]] == ["flags.zz.rules[0].when.segment"]
    assert not Flag.objects.filter(key="f0").exists()
    assert bytes(queries.config_document(environment()).body) == before


def test_apply__flag_wanted_by_another__archived_only_together_with_it(call):
    needy = plain(prerequisites=[{"flag": "base", "variants": ["on"]}])
    apply(call, wanted("base", seen=0, type="bool"), wanted("needy", seen=0, content=needy, type="bool"))
    base = {"kind": "flag", "key": "base", "action": "archive", "seen": 1}

    alone = apply(call, base)
    both = apply(call, wanted("needy", seen=1), base)

    assert alone.status_code == 422
    assert "no such flag" in alone.json()["problems"][0]["reason"]
    assert both.status_code == 200
    assert set(document()["flags"]) == {"needy"}


def test_apply__more_than_fit_into_one_transaction__refused_with_the_limit(call):
    rows = [wanted(f"f{number}", seen=0, type="bool") for number in range(gitops.MOST_CHANGES + 1)]

    answer = apply(call, *rows)

    assert answer.json()["problems"][0] == {
        "field": "changes",
        "value": "1001",
        "reason": "this is no possible number of changes",
        "fix": "Give 1 to 1,000 changes at once.",
    }


def test_apply__flag_moved_since_the_plan__409_and_nothing_changed(call):
    flag()
    published([split()])

    answer = apply(call, wanted(seen=1, content=plain(on=False)))

    assert answer.status_code == 409
    assert "version 2 by ada" in answer.json()["problems"][0]["reason"]
    assert live().definition["on"] is True


def test_apply__says_what_is_served__no_new_version(call):
    flag()

    done = apply(call, wanted(seen=99, content={**definition()}))

    assert (done.status_code, live().number) == (200, 1)


def test_apply__trial__told_in_words_and_nothing_kept(call):
    flag()

    told = apply(call, wanted(content=plain(on=False)), wanted("new-one", seen=0), trial=True).json()

    assert told["changes"][0]["words"] == ["Switched off: everybody gets off"]
    assert told["changes"][1]["problems"][0]["field"] == "flags.new-one.type"
    assert live().number == 1


def test_apply__environment_that_requires_a_review__refused_live_and_kept_as_draft(call):
    flag()
    Environment.objects.update(requires_review=True)
    row = wanted(content=plain(rules=[split(250_000)]))

    live_at_once = apply(call, row)
    drafted = apply(call, row, drafts=True)

    assert live_at_once.status_code == 409
    assert "somebody else has to approve" in live_at_once.json()["problems"][0]["reason"]
    assert drafted.status_code == 200, drafted.json()
    assert live().number == 1
    draft = queries.draft(queries.flag("checkout"), queries.environment("production"))
    assert draft.definition["rules"][0]["split"]["coverage_ppm"] == 250_000


def test_apply__drafts_where_somebody_writes_one__refused(call):
    flag()
    build.draft([split()])

    answer = apply(call, wanted(content=plain(on=False)), drafts=True)

    assert answer.status_code == 409
    assert "a draft by ada" in answer.json()["problems"][0]["reason"]


def test_apply__settings__changed_by_key_only_where_nobody_else_serves_the_flag(call):
    environment("staging", is_production=False)
    services.create_flag(key="mine", value_type="bool", in_environments=["production"], **BY)
    flag(key="shared")
    rows = (wanted("mine", title="Mine"), wanted("shared", title="Ours"))

    alone = apply(call, rows[0])
    shared = apply(call, rows[1])

    assert alone.status_code == 200
    assert queries.flag("mine").title == "Mine"
    assert shared.status_code == 409
    assert "staging" in shared.json()["problems"][0]["reason"]


def test_apply__archive__only_with_the_version_that_was_seen(call):
    flag()
    row = {"kind": "flag", "key": "checkout", "action": "archive"}

    moved = apply(call, {**row, "seen": 7})
    gone = apply(call, {**row, "seen": 1})

    assert (moved.status_code, gone.status_code) == (409, 200)
    assert queries.flag("checkout").is_archived


def test_apply__layer__a_person_makes_it(call, client, django_user_model):
    row = {"kind": "layer", "key": "page", "settings": {"unit_type": "user"}}
    by_key = apply(call, row)
    client.force_login(django_user_model.objects.create_user("rosa"))

    by_person = send(client, "post", f"{HERE}/apply", {"changes": [row], "reason": "new layer"})

    assert (by_key.status_code, by_person.status_code) == (409, 200)


def test_apply__foreign_environment__403(call):
    environment("staging", is_production=False)

    answer = call("post", "environments/staging/apply", {"changes": [wanted()], "reason": "x"})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ("x", "changes[0]"),
        ({"kind": "flags", "key": "a"}, "changes[0].kind"),
        ({"kind": "segment", "key": "a", "action": "archive"}, "changes[0].action"),
        ({"kind": "flag", "key": 1, "content": {}}, "changes[0].key"),
        ({"kind": "flag", "key": "a", "content": []}, "changes[0].content"),
        ({"kind": "flag", "key": "a", "content": {}, "seen": "1"}, "changes[0].seen"),
        ({"kind": "flag", "key": "a", "content": {}, "settings": {"ttl": 1}}, "changes[0].settings.ttl"),
        ({"kind": "flag", "key": "a", "content": {}, "valeus": 1}, "changes[0].valeus"),
        (
            {"kind": "flag", "key": "New Flag", "content": {}, "settings": {"type": "bool"}},
            "flags.New Flag.key",
        ),
    ],
)
def test_apply__malformed__field_named(call, change, field):
    answer = apply(call, change)

    assert answer.status_code == 422
    assert field in [each["field"] for each in answer.json()["problems"]]


def test_apply__without_reason__refused(call):
    flag()

    answer = apply(call, wanted(content=plain(on=False)), reason=" ")

    assert answer.json()["problems"][0]["field"] == "reason"
