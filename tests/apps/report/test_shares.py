"""Links for people without an account: one report and nothing else, until they expire or are revoked."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from analysis import queries, services
from analysis.models import ShareLink
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, NotFound, Refused
from tests.apps.experiments.build import started
from tests.apps.report.build import KEY, NOW, reported

pytestmark = pytest.mark.django_db
PAGE = f"/experiments/{KEY}/shares/"
LATER = NOW + timedelta(days=20)


@pytest.fixture
def clock(monkeypatch):
    """Set the time with `clock(at)`; it begins at LATER."""

    def set_to(at):
        monkeypatch.setattr(timezone, "now", lambda: at)

    set_to(LATER)
    return set_to


@pytest.fixture
def snapshot(clock):
    started()
    return reported()


def shared(snapshot=None, *, days=7, note="the auditors", now=LATER):
    sha256 = snapshot.sha256 if snapshot else ""
    return services.share_report(experiment=KEY, sha256=sha256, days=days, note=note, actor="rosa", now=now)


def address(link):
    return f"/shared/{services.share_token(link)}/"


def test_link__to_a_snapshot__shows_it_without_an_account(client, snapshot):
    link = shared(snapshot)
    reported("ship", look=2, days=18)

    answer = client.get(address(link))

    assert answer.status_code == 200
    assert "ROLL BACK" in answer.text
    assert snapshot.sha256 in answer.text
    assert "Pinned" in answer.text
    assert "What moved" in answer.text


def test_link__live__shows_the_newest_and_says_so(client, snapshot):
    link = shared()
    newest = reported("ship", look=2, days=18)

    answer = client.get(address(link))

    assert newest.sha256 in answer.text
    assert ">Live</span> The newest look; it changes with the next one." in answer.text


def test_link__opened__leads_nowhere_else_in_the_console(client, snapshot):
    text = client.get(address(shared(snapshot))).text

    for way_in in ("/experiments/", "/metrics/", "/flags/", "/login", "csrfmiddlewaretoken", "<nav"):
        assert way_in not in text


def test_link__opened__kept_out_of_search_engines_caches_and_other_sites_logs(client, snapshot):
    answer = client.get(address(shared(snapshot)))

    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert '<meta name="robots" content="noindex' in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "sessionid" not in answer.cookies
    assert "session" not in answer.cookies


def test_link__as_pdf__that_report(client, snapshot):
    answer = client.get(f"{address(shared(snapshot))}report.pdf")

    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert "noindex" in answer.headers["X-Robots-Tag"]


@pytest.mark.parametrize("suffix", ["", "report.pdf"])
def test_link__expired_or_revoked__gone_and_says_no_title(client, snapshot, clock, suffix):
    expiring, revoked = shared(snapshot, days=1), shared(snapshot)
    services.revoke_share(experiment=KEY, link_id=revoked.id, actor="mina", now=LATER)
    clock(LATER + timedelta(days=1))

    answers = [client.get(address(link) + suffix) for link in (expiring, revoked)]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert "has expired" in answers[0].text
    assert "was revoked" in answers[1].text
    assert not any("Prefetch" in answer.text for answer in answers)


@pytest.mark.parametrize("token", ["x", "a.b.c", "6f1c2d3e000040008000000000000000.forged", "%2e%2e"])
def test_address__not_signed__404_without_asking_the_database(client, token, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get(f"/shared/{token}/")

    assert answer.status_code == 404


def test_link__opened_too_often__waits_a_minute(client, snapshot, clock):
    link = shared(snapshot)
    ShareLink.objects.filter(id=link.id).update(minute_at=LATER, minute_count=60, opened=60)

    refused = client.get(address(link))
    clock(LATER + timedelta(minutes=1))

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert client.get(address(link)).status_code == 200


def test_link__made_opened_and_revoked__each_in_the_audit_chain_once(client, snapshot):
    link = shared(snapshot)
    client.get(address(link))
    client.get(address(link))
    services.revoke_share(experiment=KEY, link_id=link.id, actor="mina", now=LATER)

    rows = ledger_queries.audit_of(f"experiment:{KEY}").filter(action__startswith="report.share")

    assert sorted((row.action, row.actor) for row in rows) == [
        ("report.share_opened", "anonymous"),
        ("report.share_revoked", "mina"),
        ("report.shared", "rosa"),
    ]
    assert queries.shares(KEY).get().opened == 2


def test_link__while_results_are_hidden__refused(clock):
    started()
    clock(NOW + timedelta(days=3))
    early = reported("keep_running_early", days=2)

    with pytest.raises(Conflict, match="hidden until"):
        shared(early, now=NOW + timedelta(days=3))


def test_link__live_and_the_newest_is_hidden__verdict_without_results(client, clock):
    """As after a new plan: the link is older than the look that nobody may read yet."""
    started()
    clock(NOW + timedelta(days=3))
    owner = reported("keep_running_early", days=2).experiment
    times = {"created_at": NOW, "expires_at": LATER}
    link = ShareLink.objects.create(experiment=owner, token=uuid4(), note="x", created_by="rosa", **times)

    text = client.get(address(link)).text

    assert "What moved" not in text
    assert "can open them earlier" not in text


def test_link__to_data_that_cannot_be_trusted__effects_stay_hidden(client, clock):
    started()

    text = client.get(address(shared(reported("srm")))).text

    assert "DO NOT USE" in text
    assert "What moved" not in text
    assert "Show them to me" not in text


@pytest.mark.parametrize(
    ("given", "field"), [({"days": 0}, "days"), ({"days": 91}, "days"), ({"note": "  "}, "note")]
)
def test_link__bad_input__refused_with_the_field(snapshot, given, field):
    with pytest.raises(Refused) as refused:
        shared(snapshot, **given)

    assert refused.value.problems[0].field == field


def test_link__of_another_experiment__not_found(snapshot):
    started("other", flag="other")
    link = shared(snapshot)

    with pytest.raises(NotFound):
        services.revoke_share(experiment="other", link_id=link.id, actor="rosa", now=LATER)
    with pytest.raises(NotFound):
        services.share_report(
            experiment="other", sha256=snapshot.sha256, days=7, note="x", actor="rosa", now=LATER
        )


def test_page__link_made__its_whole_address_stands_on_it(browser, snapshot):
    given = {"what": "snapshot", "sha256": snapshot.sha256, "days": "14", "note": "the board"}

    page = browser.post(PAGE, given, follow=True).text
    link = ShareLink.objects.get()

    assert f'{address(link)}"' in page
    assert "the board" in page
    assert (link.expires_at - link.created_at).days == 14
    assert not link.is_live


def test_page__refused__keeps_what_was_typed_and_says_why(browser, snapshot):
    answer = browser.post(PAGE, {"what": "live", "sha256": "", "days": "400", "note": "the <board>"})

    assert answer.status_code == 422
    assert "between a day and a quarter" in answer.text
    assert 'value="the &lt;board&gt;"' in answer.text
    assert 'value="400"' in answer.text
    assert ShareLink.objects.count() == 0


def test_page__revoked__no_address_any_more(browser, snapshot):
    link = shared(snapshot)

    page = browser.post(f"{PAGE}{link.id}/revoke/", follow=True).text

    assert "Revoked" in page
    assert address(link) not in page


def test_page__before_the_first_report__says_what_is_missing(browser, clock):
    started()

    assert "There is nothing to share yet." in browser.get(PAGE).text
