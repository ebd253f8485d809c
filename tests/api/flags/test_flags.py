# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Flags over HTTP: a whole life, refusals with field and fix, and what a key may not do."""

import pytest

from flags import gates, queries, services
from flags.gates import Finding
from tests.apps.flags.build import (
    BY,
    HALF,
    definition,
    draft,
    environment,
    flag,
    key,
    layer,
    live,
    published,
    split,
)

pytestmark = pytest.mark.django_db
ONE = "flags/checkout/environments/production"
DE = {"attribute": "country", "op": "in", "value": ["de"]}


@pytest.fixture
def api(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


@pytest.fixture
def script(client):
    """Calls with an admin key of production."""
    environment("staging", is_production=False)
    _, secret = key(scope="admin", name="deploy script")

    def call(method, path, body=None):
        return send(client, method, path, body, Authorization=f"Bearer {secret}")

    return call


def send(api, method, path, body=None, **headers):
    call = getattr(api, method)
    if method in {"get", "delete"}:
        return call(f"/api/v1/{path}", headers=headers)
    return call(
        f"/api/v1/{path}", {} if body is None else body, content_type="application/json", headers=headers
    )


def rules(*listed):
    return {"definition": {**definition(), "rules": list(listed)}}


@pytest.mark.parametrize("path", ["flags", "environments", "layers", "segments", "keys"])
def test_list__anonymous__refused(client, path):
    assert client.get(f"/api/v1/{path}").status_code in {401, 403}


def test_life__from_new_flag_to_kill__over_the_api(api):
    environment()

    made = send(api, "post", "flags", {"key": "checkout", "value_type": "bool", "title": "New checkout"})
    saved = send(api, "put", f"{ONE}/draft", rules(split(50_000)))
    number = saved.json()["number"]
    put_live = send(api, "post", f"{ONE}/versions/{number}/publish", {"reason": "start"})
    more = send(api, "post", f"{ONE}/coverage", {"coverage_ppm": 200_000, "seen": number})
    killed = send(api, "post", f"{ONE}/switch-off", {"reason": "slow"})
    back = send(api, "post", f"{ONE}/versions/1/revert", {"reason": "clean", "seen": 4})

    assert [each.status_code for each in (made, saved, put_live, more, killed, back)] == [201, *[200] * 5]
    assert (made.json()["owner"], made.json()["title"]) == ("rosa", "New checkout")
    assert put_live.json()["state"] == "published"
    assert more.json()["changes"] == ["Rule r1: coverage 5 % → 20 %"]
    assert killed.json()["definition"]["on"] is False
    assert (back.json()["number"], back.json()["definition"]["rules"]) == (5, [])
    assert live().published_by == "rosa"


def test_flags__listed__searched_and_archived(api):
    flag(title="New checkout")
    flag("search")
    services.archive(flag="search", reason="old", **BY)

    assert [row["key"] for row in send(api, "get", "flags?search=NEW").json()["results"]] == ["checkout"]
    assert [row["key"] for row in send(api, "get", "flags?archived=true").json()["results"]] == ["search"]


def test_place__live_with_draft_and_hold__all_at_once(api):
    flag()
    published([split(50_000)])
    draft([split(100_000)])
    services.hold(flag="checkout", environment="production", reason="errors rise", **BY)

    found = send(api, "get", ONE).json()

    assert (found["state"], found["coverage_ppm"], found["live"]["number"]) == ("held", 50_000, 2)
    assert (found["draft"]["based_on"], found["holds"][0]["reason"]) == (2, "errors rise")


def test_place__made_later__served_on_request(api):
    flag()
    environment("staging", is_production=False)
    there = "flags/checkout/environments/staging"

    assert send(api, "get", there).json()["live"] is None
    assert send(api, "post", there).status_code == 201
    assert send(api, "post", there).status_code == 409
    assert send(api, "get", there).json()["state"] == "constant"


def test_settings__patched__changed(api):
    flag()

    answer = send(api, "patch", "flags/checkout", {"owner": "amir", "expires_on": "2027-01-31"})

    assert (answer.json()["owner"], answer.json()["expires_on"]) == ("amir", "2027-01-31")
    assert send(api, "patch", "flags/checkout", {"expires_on": None}).json()["expires_on"] is None


def test_archive__and_back__over_the_api(api):
    flag()

    assert send(api, "post", "flags/checkout/archive", {"reason": "old"}).json()["archived_at"]
    assert send(api, "post", f"{ONE}/switch-off", {"reason": "x"}).status_code == 409
    assert send(api, "post", "flags/checkout/unarchive").json()["archived_at"] is None


def test_check__good_and_bad__said_and_nothing_kept(api):
    flag()

    good = send(api, "post", f"{ONE}/check", rules(split(50_000))).json()
    bad = send(api, "post", f"{ONE}/check", rules({"variant": "maybe"}))

    assert good["words"][0].startswith("Everybody: 5 % take part")
    assert good["changes"][0]["kind"] == "added"
    assert (bad.status_code, bad.json()["problems"][0]["field"]) == (422, "rules[0].variant")
    assert queries.draft(queries.flag("checkout"), environment()) is None


def test_draft__read_and_dropped__gone(api):
    flag()
    draft([split()])

    assert send(api, "get", f"{ONE}/draft").json()["state"] == "draft"
    assert send(api, "delete", f"{ONE}/draft").status_code == 204
    assert send(api, "get", f"{ONE}/draft").status_code == 409


def test_versions__listed_read_and_compared(api):
    flag()
    published([split(50_000)], reason="start")
    services.set_coverage(flag="checkout", environment="production", coverage_ppm=60_000, **BY)

    listed = send(api, "get", f"{ONE}/versions").json()["results"]
    one = send(api, "get", f"{ONE}/versions/2").json()
    diff = send(api, "get", f"{ONE}/diff?from=1&to=3").json()
    newest = send(api, "get", f"{ONE}/diff").json()

    assert [version["number"] for version in listed] == [3, 2, 1]
    assert (one["state"], one["reason"]) == ("superseded", "start")
    assert (diff["before"], diff["after"], diff["changes"][0]["field"]) == (1, 3, "rules.r1")
    assert [change["words"] for change in newest["changes"]] == ["Rule r1: coverage 5 % → 6 %"]


@pytest.mark.parametrize("asked", ["from=x", "to=-1", "from=9", "to=99999999999"])
def test_diff__no_version__problem(api, asked):
    flag()

    assert send(api, "get", f"{ONE}/diff?{asked}").status_code in {404, 422}


def test_publish__gate_objects__409_with_every_objection(api, monkeypatch):
    flag()
    number = draft([split()]).number
    found = [Finding("trip", "a guardrail is tripped", "Clear it."), Finding("review", "no review", "Ask.")]
    monkeypatch.setitem(gates._gates, "publish", [lambda subject: found])

    answer = send(api, "post", f"{ONE}/versions/{number}/publish")

    assert answer.status_code == 409
    assert [problem["field"] for problem in answer.json()["problems"]] == ["trip", "review"]


def test_holds__made_listed_released(api):
    flag()

    held = send(api, "post", f"{ONE}/holds", {"reason": "errors rise"}).json()
    listed = send(api, "get", f"{ONE}/holds").json()
    released = send(api, "post", f"holds/{held['id']}/release", {"reason": "repaired"}).json()

    assert [each["id"] for each in listed] == [held["id"]]
    assert (released["released_by"], released["release_reason"]) == ("rosa", "repaired")
    assert send(api, "post", "holds/99/release", {"reason": "x"}).status_code == 404


def test_preview__unit__answer_with_steps(api):
    flag()
    published([{"variant": "on", "when": DE}])
    draft([])

    told = send(api, "post", f"{ONE}/preview", {"unit": "u1", "attributes": {"country": "de"}}).json()
    drafted = send(api, "post", f"{ONE}/preview", {"unit": "u1", "of": "draft"}).json()

    assert (told["evaluation"]["variant"], told["evaluation"]["reason"]) == ("on", "TARGETING_MATCH")
    assert told["steps"][0]["step"] == "rule"
    assert drafted["evaluation"]["variant"] == "off"


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("post", "flags", {}, "key"),
        ("post", "flags", {"key": 5, "value_type": "bool"}, "key"),
        ("post", "flags", {"key": "a b", "value_type": "bool"}, "key"),
        ("post", "flags", {"key": "a", "value_type": "bool", "colour": "red"}, "colour"),
        ("post", "flags", {"key": "a", "value_type": "bool", "variants": []}, "variants"),
        ("post", "flags", {"key": "a", "value_type": "bool", "expires_on": "soon"}, "expires_on"),
        ("patch", "flags/checkout", {"key": "other"}, "key"),
        ("post", "flags/checkout/archive", {}, "reason"),
        ("put", f"{ONE}/draft", {}, "definition"),
        ("put", f"{ONE}/draft", {"definition": []}, "definition"),
        ("put", f"{ONE}/draft", {"definition": {"variants": {"a": 1}}}, "variants.a"),
        ("post", f"{ONE}/coverage", {}, "coverage_ppm"),
        ("post", f"{ONE}/coverage", {"coverage_ppm": "5"}, "coverage_ppm"),
        ("post", f"{ONE}/coverage", {"coverage_ppm": True}, "coverage_ppm"),
        ("post", f"{ONE}/coverage", {"coverage_ppm": 1.5}, "coverage_ppm"),
        ("post", f"{ONE}/switch-off", {}, "reason"),
        ("post", f"{ONE}/switch-off", {"reason": " "}, "reason"),
        ("post", f"{ONE}/switch-off", {"reason": 5}, "reason"),
        ("post", f"{ONE}/preview", {"attributes": []}, "attributes"),
        ("post", "environments", {"key": "x", "is_production": "yes"}, "is_production"),
        ("post", "layers", {"key": "X"}, "key"),
        ("post", "segments", {"title": "x"}, "key"),
        ("post", "keys", {"environment": "production", "name": "", "scope": "server"}, "name"),
        ("post", "keys", {"environment": "production", "name": "x", "scope": "root"}, "scope"),
    ],
)
def test_body__wrong__422_with_the_field(api, method, path, body, field):
    flag()

    answer = send(api, method, path, body)

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert field in {problem["field"] for problem in answer.json()["problems"]}
    assert all(problem["fix"] for problem in answer.json()["problems"])


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "5"])
@pytest.mark.parametrize("path", ["flags", f"{ONE}/coverage", f"{ONE}/switch-off", "keys"])
def test_body__no_object__422(api, path, body):
    flag()

    answer = api.post(f"/api/v1/{path}", body, content_type="application/json")

    assert answer.status_code == 422
    assert "this is no JSON object" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "flags/nothing",
        "flags/nothing/environments/production",
        "flags/checkout/environments/nowhere",
        f"{ONE}/versions/9",
        "layers/nothing",
        "segments/nothing/environments/production/versions",
    ],
)
def test_get__unknown__404_problem_naming_what_there_is(api, path):
    flag()

    answer = send(api, "get", path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_places__made_and_listed(api):
    environment()
    layer(key="page")
    services.allocate_slots(layer="page", experiment="prefetch", share_ppm=250_000, **BY)

    assert send(api, "post", "environments", {"key": "staging"}).json()["document_version"] == 1
    assert len(send(api, "get", "environments").json()) == 2
    assert send(api, "post", "layers", {"key": "cart"}).json()["free_ppm"] == 1_000_000
    assert send(api, "get", "layers/page").json()["ranges"][0]["high_ppm"] == 250_000
    assert len(send(api, "get", "layers").json()["results"]) == 2


def test_segments__made_published_listed(api):
    environment()
    there = "segments/europe/environments/production/versions"

    assert send(api, "post", "segments", {"key": "europe"}).json()["owner"] == "rosa"
    made = send(api, "post", there, {"when": DE, "seen": 0})

    assert (made.status_code, made.json()["words"]) == (201, "country is one of de")
    assert [row["number"] for row in send(api, "get", there).json()["results"]] == [1]
    assert [row["key"] for row in send(api, "get", "segments").json()["results"]] == ["europe"]


def test_keys__made_rotated_revoked__text_only_once(api):
    environment()

    made = send(api, "post", "keys", {"environment": "production", "name": "web", "scope": "server"}).json()
    prefix = made["key"]["prefix"]
    rotated = send(api, "post", f"keys/{prefix}/rotate").json()
    revoked = send(api, "post", f"keys/{prefix}/revoke", {"reason": "old"}).json()

    assert made["secret"].startswith(f"hw_server_{prefix}_")
    assert rotated["key"]["replaces"] == prefix
    assert revoked["revoked_at"]
    assert made["secret"] not in send(api, "get", "keys").text


def test_script__own_environment__may_change_it_and_is_named(script):
    flag()

    made = script("post", "flags", {"key": "search", "value_type": "bool"})
    killed = script("post", f"{ONE}/switch-off", {"reason": "slow"})

    assert (made.status_code, killed.status_code) == (201, 200)
    assert killed.json()["published_by"] == "key:deploy script"
    states = {place.key: version for place, version in queries.flag_states(queries.flag("search"))}
    assert states["staging"] is None
    assert states["production"].number == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "flags/checkout/environments/staging/switch-off", {"reason": "x"}),
        ("post", "flags/checkout/environments/staging/coverage", {"coverage_ppm": 1}),
        ("put", "flags/checkout/environments/staging/draft", {"definition": {}}),
        ("delete", "flags/checkout/environments/staging/draft", None),
        ("post", "flags/checkout/environments/staging/versions/1/publish", {}),
        ("post", "flags/checkout/environments/staging/versions/1/revert", {}),
        ("post", "flags/checkout/environments/staging/holds", {"reason": "x"}),
        ("post", "flags/checkout/environments/staging", {}),
        ("post", "segments/europe/environments/staging/versions", {"when": {}}),
        ("post", "keys", {"environment": "staging", "name": "x", "scope": "admin"}),
        ("post", "environments", {"key": "other"}),
        ("post", "layers", {"key": "other"}),
        ("post", "flags/checkout/archive", {"reason": "x"}),
        ("patch", "flags/checkout", {"owner": "x"}),
    ],
)
def test_script__other_environment_or_all_of_them__403(script, method, path, body):
    flag()

    answer = script(method, path, body)

    assert answer.status_code == 403
    assert live(environment="staging").number == live().number == 1


def test_script__keys_of_another_environment__neither_seen_nor_changed(script):
    other, _ = key(environment="staging", name="staging web")

    assert [row["name"] for row in script("get", "keys").json()] == ["deploy script"]
    assert script("post", f"keys/{other.prefix}/rotate").status_code == 403
    assert script("post", f"keys/{other.prefix}/revoke").status_code == 403


@pytest.mark.parametrize("scope", ["server", "client", "ingest", "read"])
def test_key__other_scope__cannot_change_and_only_read_can_read(client, scope):
    flag()
    _, secret = key(scope=scope)
    header = {"Authorization": f"Bearer {secret}"}

    assert send(client, "post", f"{ONE}/switch-off", {"reason": "x"}, **header).status_code == 403
    assert send(client, "get", "flags", **header).status_code == (200 if scope == "read" else 403)


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Bearer a b", "Basic x"])
def test_key__no_key__401(client, header):
    assert send(client, "get", "flags", Authorization=header).status_code in {401, 403}


def test_experiment__its_rule_changed_over_the_api__409(api):
    flag()
    services.publish_experiment_rule(
        flag="checkout", environment="production", experiment="prefetch", arms=HALF, coverage_ppm=5, **BY
    )

    assert send(api, "post", f"{ONE}/coverage", {"coverage_ppm": 9}).status_code == 409
    assert send(api, "put", f"{ONE}/draft", rules()).status_code == 409
