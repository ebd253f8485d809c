"""Keys at rest: hashed, visible by prefix, rotated with an overlap, revoked for good."""

from datetime import timedelta

import pytest
from django.utils import timezone

from flags import queries, services
from flags.keys import SCOPES
from flags.models import SdkKey
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, NotFound, Refused
from tests.apps.flags.build import NOW, environment, key

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def test_create__any_key__only_a_hash_is_stored():
    made, secret = key()

    stored = SdkKey.objects.filter(id=made.id).values().get()

    assert secret.startswith(f"hw_server_{made.prefix}_")
    assert not any(secret in str(value) or secret[-43:] in str(value) for value in stored.values())


def test_look_up__right_and_wrong_text__found_and_not():
    made, secret = key()
    forged = secret[:-4] + ("AAAA" if secret[-4:] != "AAAA" else "BBBB")

    assert queries.key_by_secret(secret, now=LATER) == made
    assert queries.key_by_secret(forged, now=LATER) is None
    assert queries.key_by_secret("nonsense", now=LATER) is None


@pytest.mark.parametrize("scope", SCOPES)
def test_create__any_scope__audited_without_the_secret(scope):
    made, secret = key(scope=scope)

    row = ledger_queries.audit_of(f"key:{made.prefix}").get()

    assert row.action == "key.created"
    assert row.after == {
        "environment": "production",
        "name": "checkout service",
        "prefix": made.prefix,
        "scope": scope,
        "accepts_history": False,
        "replaces": None,
    }
    assert secret not in str(row.after)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scope": "root"}, "scope"),
        ({"scope": "client", "accepts_history": True}, "accepts_history"),
    ],
)
def test_create__bad_input__refused_by_field(wrong, field):
    with pytest.raises(Refused) as refused:
        key(**wrong)

    assert [problem.field for problem in refused.value.problems] == [field]
    assert not SdkKey.objects.exists()


def test_create__unknown_environment__known_ones_are_named():
    environment()

    with pytest.raises(NotFound, match="production"):
        services.create_key(environment="prod", name="x", scope="server", actor="ada", now=NOW)


def test_revoke__live_key__works_no_more():
    made, secret = key()

    services.revoke_key(prefix=made.prefix, actor="bob", now=LATER, reason="leaked")

    assert queries.key_by_secret(secret, now=LATER) is None
    row = ledger_queries.audit_of(f"key:{made.prefix}").first()
    assert (row.action, row.actor, row.reason) == ("key.revoked", "bob", "leaked")


def test_revoke__twice__conflict():
    made, _ = key()
    services.revoke_key(prefix=made.prefix, actor="bob", now=LATER)

    with pytest.raises(Conflict):
        services.revoke_key(prefix=made.prefix, actor="bob", now=LATER)


def test_rotate__live_key__both_work_until_the_overlap_ends():
    made, old_secret = key(accepts_history=True)

    successor, new_secret = services.rotate_key(prefix=made.prefix, actor="bob", now=LATER, overlap_hours=2)

    assert (successor.name, successor.scope, successor.accepts_history) == (
        "checkout service",
        "server",
        True,
    )
    during, after = LATER + timedelta(minutes=119), LATER + timedelta(hours=2)
    assert queries.key_by_secret(old_secret, now=during) == made
    assert queries.key_by_secret(old_secret, now=after) is None
    assert queries.key_by_secret(new_secret, now=after) == successor


def test_rotate__second_time__conflict_points_to_the_successor():
    made, _ = key()
    services.rotate_key(prefix=made.prefix, actor="bob", now=LATER)

    with pytest.raises(Conflict, match="successor"):
        services.rotate_key(prefix=made.prefix, actor="bob", now=LATER)


def test_note_use__within_a_minute__written_once():
    made, _ = key()
    services.note_use(key=made, now=LATER)

    services.note_use(key=made, now=LATER + timedelta(seconds=30))
    made.refresh_from_db()
    assert made.last_used_at == LATER

    services.note_use(key=made, now=LATER + timedelta(seconds=61))
    made.refresh_from_db()
    assert made.last_used_at == LATER + timedelta(seconds=61)


@pytest.mark.parametrize("hours", [-1, 721])
def test_rotate__impossible_overlap__refused(hours):
    made, _ = key()

    with pytest.raises(Refused) as refused:
        services.rotate_key(prefix=made.prefix, overlap_hours=hours, actor="bob", now=LATER)

    assert refused.value.problems[0].field == "overlap_hours"


def test_signing_key__of_an_environment__the_same_each_time_and_another_elsewhere():
    environment("staging", is_production=False)
    environment()

    first = services.signing_key(environment="production")

    assert first == services.signing_key(environment="production")
    assert first.startswith("hws_")
    assert first != services.signing_key(environment="staging")


def test_pages__keys__rotated_with_an_overlap_and_signing_key_shown_on_request(client, django_user_model):
    made, _ = key()
    client.force_login(django_user_model.objects.create_user("ada"))

    rotated = client.post(f"/flags/keys/{made.prefix}/rotate/", {"overlap_hours": "168"}).content.decode()
    shown = client.post("/flags/keys/signing/", {"environment": "production"}).content.decode()

    made.refresh_from_db()
    assert "works until" in rotated
    assert 6 < (made.expires_at - timezone.now()).days + 1 <= 7
    assert services.signing_key(environment="production") in shown
    assert services.signing_key(environment="production") not in client.get("/flags/keys/").content.decode()
    assert client.post(f"/flags/keys/{made.prefix}/rotate/", {"overlap_hours": "x"}).status_code == 422
