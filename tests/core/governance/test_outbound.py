"""News: names, patterns, bodies, signatures, and addresses that must never be asked."""

import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from governance.outbound import addresses, events, signing
from governance.outbound.formats import FORMATS, Kind
from governance.outbound.notices import Notice, Severity, ids_of
from ledger.refusals import Refused

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
PUBLIC = "93.184.216.34"


def notice(event="guardrail.tripped", **facts):
    return Notice(
        **{
            "event": event,
            "subject": "experiment:checkout",
            "at": NOW,
            "actor": "guardrail monitor",
            "reason": "p95 <rose> & rose",
            "address": "https://headway.example.com/experiments/checkout/",
            "ids": {"trip": 7, "metric": "p95", "arm": "treatment"},
            **facts,
        }
    )


def resolving(*found):
    return lambda host, port: found


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("trip.opened", "guardrail.tripped"),
        ("trip.waived", "guardrail.waived"),
        ("ramp.advanced", "ramp.step.advanced"),
        ("flag.version.published", "flag.version.published"),
        ("flag.draft.saved", ""),
        ("key.created", ""),
        ("role.granted", ""),
    ],
)
def test_name__of_an_audit_action__stable_or_silent(action, event):
    assert events.name_of(action) == event


def test_patterns__words_and_stars__match_whole_names():
    assert events.matches("guardrail.tripped", ["flag.*", "guardrail.*"])
    assert events.matches("anything.at.all", ["*"])
    assert not events.matches("guardrail.tripped", ["guardrail"])


@pytest.mark.parametrize("text", ["", "UPPER", "a b", "x..y", "a.b.c.d.e", "guardrail.[a-z]", "é"])
def test_pattern__malformed__none(text):
    assert not events.is_pattern(text)


def test_ids__of_an_audit_row__names_only_and_no_numbers_of_results():
    found = ids_of(
        {"trip": 7, "metric": "p95", "estimate": 0.17, "low": 0.1, "state": "", "environment": None}
    )

    assert found == {"trip": 7, "metric": "p95"}


@pytest.mark.parametrize("kind", Kind)
def test_body__every_kind__is_json_and_names_what_happened(kind):
    body = FORMATS[kind](notice(), delivery="d1", key="k1")

    assert "checkout" in json.dumps(body)


def test_slack__text_with_special_characters__escaped():
    body = FORMATS[Kind.SLACK](notice(), delivery="d1")

    assert "p95 &lt;rose&gt; &amp; rose" in body["blocks"][0]["text"]["text"]


def test_pagerduty__trip_acknowledged_cleared__one_key_and_three_actions():
    bodies = [
        FORMATS[Kind.PAGERDUTY](notice(event), delivery="d", key="k")
        for event in ("guardrail.tripped", "guardrail.acknowledged", "guardrail.cleared")
    ]

    assert [body["event_action"] for body in bodies] == ["trigger", "acknowledge", "resolve"]
    assert {body["dedup_key"] for body in bodies} == {"headway/guardrail/7"}
    assert bodies[0]["payload"]["severity"] == Severity.ERROR.value


def test_key__incident_of_a_trip_and_incident_with_its_number__not_the_same():
    of_a_trip = notice("incident.opened", subject="incident:3", ids={"incident": 3, "trip": 5})
    by_a_person = notice("incident.opened", subject="incident:5", ids={"incident": 5})
    closed = notice("incident.closed", subject="incident:3", ids={"incident": 3, "trip": 5})

    assert of_a_trip.key == closed.key == "headway/incident/3"
    assert by_a_person.key == "headway/incident/5"


def test_alertmanager__tripped_confirmed_and_cleared__same_labels_so_that_it_resolves():
    alerts = [
        FORMATS[Kind.ALERTMANAGER](notice(event), delivery="d")[0]
        for event in ("guardrail.tripped", "guardrail.confirmed", "guardrail.cleared")
    ]

    assert alerts[0]["labels"] == alerts[1]["labels"] == alerts[2]["labels"]
    assert "startsAt" in alerts[0]
    assert alerts[2]["endsAt"] == NOW.isoformat()


def test_mail__title_with_line_breaks__one_line_subject():
    body = FORMATS[Kind.MAIL](notice(subject="experiment:a\r\nBcc: x@example.com"), delivery="d")

    assert "\n" not in body["subject"]
    assert "\r" not in body["subject"]


def test_signature__of_the_body__genuine_until_it_is_old_or_changed():
    secret = signing.secret_for("m" * 50, receiver="1", generation=1)
    value = signing.header(secret, b"{}", now=NOW)

    assert signing.is_genuine(value, secret, b"{}", now=NOW + timedelta(minutes=4))
    assert not signing.is_genuine(value, secret, b"{} ", now=NOW)
    assert not signing.is_genuine(value, secret, b"{}", now=NOW + timedelta(minutes=6))
    assert not signing.is_genuine(
        value, signing.secret_for("m" * 50, receiver="1", generation=2), b"{}", now=NOW
    )


@given(st.text())
@example(f"t={int(NOW.timestamp())},v1=é")
@example(f"t={'9' * 5000},v1=0")
def test_signature__any_header_text__never_raises(value):
    assert not signing.is_genuine(value, "secret", b"{}", now=NOW)


def test_target__public_host__pinned_to_the_address_that_was_checked():
    found = addresses.target("https://hooks.example.com/a?b=1", resolver=resolving(PUBLIC))

    assert (found.address, found.port, found.path) == (PUBLIC, 443, "/a?b=1")


PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd12::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2001:db8::1",
    "2001::1",
    "100::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_target__resolves_to_a_private_address__refused(address):
    with pytest.raises(Refused):
        addresses.target("https://hooks.example.com/", resolver=resolving(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_target__one_of_two_addresses_is_private__refused(address):
    with pytest.raises(Refused):
        addresses.target("https://hooks.example.com/", resolver=resolving(PUBLIC, address))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://",
        "https:///path",
        "javascript:alert(1)",
        "https://user:pw@example.com/",
        "https://user@example.com/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/\n",
        "https://exämple.com/",
        "https://[::1",
        "https://[fe80::1%25eth0]/x y",
        "x" * 3000,
        "https://" + "a" * 3000,
        "//example.com/",
    ],
)
def test_target__malformed_address__refused(url):
    with pytest.raises(Refused):
        addresses.target(url, resolver=resolving(PUBLIC))


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "[::1]", "[::ffff:7f00:1]"]
)
def test_target__loopback_in_disguise__refused_by_the_real_resolver(host):
    with pytest.raises(Refused):
        addresses.target(f"http://{host}/")


def test_target__unknown_host__refused_with_the_field():
    def unknown(host, port):
        raise OSError("no such host")

    with pytest.raises(Refused) as refused:
        addresses.target("https://nowhere.example.com/", resolver=unknown)

    assert refused.value.problems[0].field == "address"


def test_target__network_opened_by_the_site__allowed_and_only_that():
    allowed = (ip_network("10.1.0.0/16"),)

    assert (
        addresses.target("http://alerts.corp/", allowed=allowed, resolver=resolving("10.1.2.3")).address
        == "10.1.2.3"
    )
    with pytest.raises(Refused):
        addresses.target("http://alerts.corp/", allowed=allowed, resolver=resolving("10.2.0.1"))
