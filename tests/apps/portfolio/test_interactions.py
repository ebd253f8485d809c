# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""The interaction of two running experiments, from the button to the answer."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from analysis import interaction_queries
from analysis.models import InteractionReading
from analysis.portfolio import interacting
from analysis.services import interactions
from ledger import jobs
from ledger.models import AuditEvent, Job, JobState
from ledger.refusals import Conflict, NotFound
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db

KEYS = ("fast-checkout", "second")
PAGE = "/experiments/portfolio/interactions/fast-checkout/second/"
API = "/api/v1/portfolio/interactions/fast-checkout/second"
NOW = world.at(24 * 12)


@pytest.fixture
def both():
    """Two experiments on the same thousand units, started lately; the second one's arms are drawn anew."""
    for key in KEYS:
        world.started(key, flag=key)
    exposures, listed = world.traffic(1000)
    second = [
        {**row, "experiment": "second", "variant": ("on", "off")[row["unit"] // 16 % 2], "event_id": f"s{i}"}
        for i, row in enumerate(exposures)
    ]
    world.write([*exposures, *second], listed)


def asked(now=NOW):
    return interactions.request_interaction(one="second", other="fast-checkout", actor="rosa", now=now)


def estimated(now=NOW):
    job = asked(now)
    jobs.run(job.id)
    job.refresh_from_db()
    return job


def text(answer):
    return " ".join(answer.content.decode().split())


def test_estimate__asked_for__one_row_with_every_shared_metric(both):
    job = estimated()

    assert (job.state, job.failure) == (JobState.SUCCEEDED, "")
    row = InteractionReading.objects.get()
    assert (row.one.key, row.other.key, row.inference) == (*KEYS, "always_valid")
    assert sum(row.units.values()) == 1000
    assert [line["metric"] for line in row.lines] == ["orders", "latency-p95"]
    assert {"estimate", "confidence_interval", "p_value"} <= row.lines[0]["interaction"].keys()
    audited = AuditEvent.objects.get(action="analysis.interaction.requested")
    assert (audited.subject, audited.after["other"]) == ("experiment:fast-checkout", "second")


def test_estimate__asked_for_twice_in_a_minute_and_run_twice__one_row(both):
    job = estimated()

    assert asked(NOW + timedelta(seconds=20)).id == job.id
    Job.objects.filter(id=job.id).update(state=JobState.QUEUED, attempt=0)
    jobs.run(job.id)

    assert InteractionReading.objects.count() == 1
    assert AuditEvent.objects.filter(action="analysis.interaction.requested").count() == 1


def test_row__changed__refused_by_the_database(both):
    estimated()

    with pytest.raises(DatabaseError), transaction.atomic():
        InteractionReading.objects.update(left_out=5)


def test_request__pair_that_does_not_meet__refused_with_why():
    world.started(KEYS[0], flag=KEYS[0])
    world.started("elsewhere", flag="elsewhere", bind=("errors",), guardrails=())

    with pytest.raises(Conflict, match="share no metric"):
        interactions.request_interaction(one=KEYS[0], other="elsewhere", actor="rosa", now=NOW)
    with pytest.raises(NotFound):
        interactions.request_interaction(one=KEYS[0], other="nothing", actor="rosa", now=NOW)


def test_page__nothing_yet_under_way_and_failed__each_says_so(both, browser):
    empty = text(browser.get(PAGE))
    started = browser.post(f"{PAGE}estimate/")
    busy, polled = text(browser.get(PAGE)), browser.get(f"{PAGE}state/")
    listed = text(browser.get("/experiments/portfolio/interactions/"))
    Job.objects.filter(kind=interaction_queries.JOB).update(state=JobState.DEAD, failure="no disk")
    failed, ended = text(browser.get(PAGE)), browser.get(f"{PAGE}state/")

    assert 'class="empty"' in empty
    assert "was estimated yet" in empty
    assert started.headers["Location"] == PAGE
    assert "is being estimated" in busy
    assert 'hx-trigger="every 2s"' in busy
    assert "HX-Refresh" not in polled.headers
    assert ended.headers["HX-Refresh"] == "true"
    assert "being estimated" in listed
    assert "no disk" in failed
    assert ">Estimate<" in failed


def test_page__estimated__hidden_until_both_reports_may_be_read(both, browser):
    estimated()
    without_reports = text(browser.get(PAGE))
    hidden = browser.get(API)
    for key in KEYS:
        world.look(key, hours=24 * 9)

    shown = text(browser.get(PAGE))
    document = browser.get(API).json()

    assert "has no report yet" in without_reports
    assert "Orders per user" not in without_reports
    assert hidden.status_code == 409
    assert "No interaction was found" in shown
    assert "Orders per user" in shown
    assert "control × treatment" in shown
    assert document["experiments"] == list(KEYS)
    assert document["lines"][0]["adjusted_p"] >= document["lines"][0]["interaction"]["p_value"]


def test_api__before_an_estimate__not_found_and_post_asks_for_one(both, browser):
    missing = browser.get(API)
    posted = browser.post(API)
    pairs = browser.get("/api/v1/portfolio/interactions").json()

    assert missing.status_code == 404
    assert (posted.status_code, posted.json()["state"]) == (202, "queued")
    assert pairs[0]["estimated_until"] is None


def test_states__two_pairs__p_values_corrected_over_both(both):
    world.started("third", flag="third")
    estimated()
    first = InteractionReading.objects.get()
    fields = {
        name: getattr(first, name)
        for name in (
            "data_cut",
            "inference",
            "engine",
            "code_version",
            "actor",
            "requested_at",
            "finished_at",
        )
    }
    third = InteractionReading.objects.create(
        one=first.one,
        other=world.queries.experiment("third"),
        one_plan_version=1,
        other_plan_version=1,
        units={},
        lines=[{**line, "interaction": {**line["interaction"], "p_value": 0.001}} for line in first.lines],
        **fields,
    )

    adjusted = interacting._adjusted(interaction_queries.newest())

    assert len(adjusted) == 4
    assert adjusted[(KEYS[0], "third"), "orders", "treatment", "treatment"] == pytest.approx(0.004)
    assert third.finished_at <= timezone.now()
