"""The history of a real store: a planted incident becomes a finding of grade B, once; others say why not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.db.models import F
from django.urls import reverse

from events import services as events
from events.labels import Label, LabelKind
from events.models import StoreFile
from flags import services as flags
from impact import queries, services
from impact.models import Evidence
from impact.services import keeping
from ledger import jobs
from ledger.models import Job
from ledger.refusals import Refused
from metrics import services as metrics
from tests.apps.analysis import world
from tests.apps.impact import build
from tests.apps.impact.build import BY

pytestmark = pytest.mark.django_db
DAYS, HIT_FROM, HIT_FOR = 98, 92, 5
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
NOW = FIRST + timedelta(days=DAYS, hours=6)
LAST_DAY = FIRST.date() + timedelta(days=HIT_FROM + HIT_FOR)
CONVERSION = """
key = "conversion"
title = "Conversion"
question = "Who buys?"
kind = "proportion"
unit = "%"
direction = "up"
owner = "rosa"
hypothesis = "Faster pages sell more."
[source]
event = "purchase"
"""
LATENCY = """
key = "page-latency"
title = "Latency"
question = "How long does the page take?"
kind = "mean"
unit = "ms"
direction = "down"
owner = "rosa"
hypothesis = "It rises when things break."
[source]
event = "request"
value = "value"
"""


def event(at, unit, name, value, country):
    return {
        "event_id": f"{at:%j}-{unit}-{name}",
        "ts": at,
        "unit": unit * 16,
        "unit_type": "user",
        "name": name,
        "value": value,
        "session": None,
        "dims": {"country": country},
        "received_at": at,
    }


def traffic():
    """Forty users a day in two countries; one of them gets 500 ms more for five days and buys much less."""
    rng = np.random.default_rng(7)
    for i in range(DAYS):
        at = FIRST + timedelta(days=i, hours=12)
        for country, first in (("de", 0), ("at", 1000)):
            hit = country == "de" and HIT_FROM <= i < HIT_FROM + HIT_FOR
            for unit in range(40):
                yield event(at, first + unit, "request", 800 + rng.normal(0, 30) + 500 * hit, country)
                if rng.random() < (0.35 if hit else 0.5):
                    yield event(at, first + unit, "purchase", 1.0, country)


@pytest.fixture
def shop():
    build.surface()
    flags.create_environment(key="production", is_production=True, actor="ada", now=FIRST)
    metrics.load_definitions(texts={"c.toml": CONVERSION, "l.toml": LATENCY}, actor="rosa", now=FIRST)
    build.value(latency_metric="page-latency")
    world.write([], list(traffic()))


def label(kind=LabelKind.INCIDENT, slices=None, **facts):
    began = FIRST + timedelta(days=HIT_FROM)
    given = {
        "kind": kind,
        "title": "Slow database in Germany",
        "started_at": began,
        "ended_at": began + timedelta(days=HIT_FOR - 1, hours=12),
        "slices": {"country": ("de",)} if slices is None else slices,
    }
    return events.add_label(label=Label(**{**given, **facts}), actor="ada", now=NOW)


def mine(monkeypatch, now=NOW):
    monkeypatch.setattr("impact.services.mining.timezone.now", lambda: now)
    for job in Job.objects.filter(kind="impact.mine", state="queued"):
        Job.objects.filter(id=job.id).update(run_after=NOW - timedelta(days=400))
        jobs.run(job.id)
        job.refresh_from_db()
        assert job.state == "succeeded", job.failure


def test_mining__labelled_incidents__grade_b_once_on_the_page_and_one_that_goes_on_waits(
    shop, monkeypatch, client
):
    client.force_login(get_user_model().objects.create_user("bea"))
    label()
    label(title="Still slow", started_at=NOW - timedelta(days=2), ended_at=None)
    client.post(reverse("impact-mine", args=["checkout"]))
    services.request_mining(surface="checkout", actor="ada", now=NOW + timedelta(minutes=1))
    mine(monkeypatch)

    found = Evidence.objects.get(kind="natural", grade="B")
    planted = np.log(0.35 / 0.5) / 5
    assert found.per_100_ms == pytest.approx(planted, abs=3 * found.standard_error)
    assert found.details["placebos"] >= 60
    assert (
        found.details["chosen_because"]
        == "difference in differences: a mix needs 5 slices that were not hit (it has 1)"
    )
    assert found.state == "candidate"
    page = client.get(reverse("impact-surface", args=["checkout"])).content.decode()
    assert "Slow database in Germany" in page
    assert "country: de" in page
    assert "when its days are over" in page


def test_mining__events_have_gone__the_kept_days_still_tell(shop, monkeypatch):
    """Days are kept when they are over; later there is no event left, and then the incident is labelled."""
    wanted = keeping.wanted_of(queries.value_model("checkout"))
    assert keeping.keep_days(wanted, now=NOW) == DAYS
    StoreFile.objects.filter(day=FIRST.date()).update(rows=F("rows") - 5)
    StoreFile.objects.filter(day=FIRST.date() + timedelta(days=1)).update(rows=F("rows") + 5)
    assert keeping.keep_days(wanted, now=NOW) == 1
    StoreFile.objects.update(retired_at=NOW)
    label()

    services.request_mining(surface="checkout", actor="ada", now=NOW + timedelta(days=98))
    mine(monkeypatch, NOW + timedelta(days=98))

    assert Evidence.objects.get(kind="natural", grade="B").details["placebos"] >= 60


def test_mining__nobody_labelled_it__the_country_whose_latency_changed_is_a_candidate(shop, monkeypatch):
    services.request_mining(surface="checkout", actor="ada", now=NOW)
    mine(monkeypatch)

    found = queries.natural_experiments("checkout").get()
    assert (found.began_on, found.ended_on) == (FIRST.date() + timedelta(days=HIT_FROM), LAST_DAY)
    assert found.slices == {"country": ["de"]}
    assert found.finding.kind == "natural"


def test_keeping__every_night__one_job_for_all_surfaces():
    build.surface()
    metrics.load_definitions(texts={"c.toml": CONVERSION, "l.toml": LATENCY}, actor="rosa", now=FIRST)
    assert services.keep_all(now=NOW) is False
    build.value(latency_metric="page-latency")

    assert [services.keep_all(now=NOW) for _ in range(2)] == [True, True]
    assert Job.objects.filter(kind="impact.keep").count() == 1


def test_mining__weekly__once_for_each_surface():
    build.surface()
    metrics.load_definitions(texts={"c.toml": CONVERSION, "l.toml": LATENCY}, actor="rosa", now=FIRST)
    build.value(latency_metric="page-latency")

    assert [services.mine_all(now=NOW) for _ in range(2)] == [1, 1]
    assert Job.objects.filter(kind="impact.mine").count() == 1


def test_mining__value_model_names_no_metrics__refused():
    build.surface()
    build.value()

    with pytest.raises(Refused):
        services.request_mining(surface="checkout", **BY)
