"""One harm from the events to the evidence, on a real worker, Redis, PostgreSQL, mail server and receivers.

The worker is killed between the trip and the hold, and again between the hold and the flag on the review,
and Redis forgets everything: all of it arrives, and arrives once.
"""

import os
import re
import signal
import time
from contextlib import contextmanager

import psycopg
import pytest
import redis
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone

from analysis import queries as analysis
from analysis import services as looks
from events import queries as events
from experiments import queries as experiments
from flags import queries as flags
from governance import incident_queries as queries
from governance import review_queries
from governance.models import Delivery, FeedCursor
from ledger import jobs
from ledger import queries as ledger
from tests.apps.embedded.watching import eventually
from tests.flows import harmful
from tests.flows.hurrying import soon
from tests.flows.receivers import ROUTING_KEY

KEY, SURFACE = "slow-phones", "checkout-of-phones"
LATER_S = 180
PRICED = re.compile(r"EUR \d+ a week \(EUR \d+ to EUR \d+\) if everybody had it; 50% of users have it")


@contextmanager
def held_up(platform):
    """Whoever stops the experiment waits until we leave: its row is ours. A look asks no more of it than that
    it is there, so the trip opens."""
    with psycopg.connect(platform.variables["DATABASE_URL"]) as holder:
        holder.execute("SELECT 1 FROM experiments_experiment WHERE key = %s FOR NO KEY UPDATE", [KEY])
        yield holder
        holder.rollback()


@contextmanager
def without_clock(platform):
    """Nothing happens by the clock until we leave; jobs still do."""
    beat = eventually(lambda: platform.pid("beat"), within_s=LATER_S)
    os.kill(beat, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(beat, signal.SIGCONT)


def in_the_end(condition, within_s=LATER_S):
    """Like `eventually`, with the sweeper's work done here every other second: the clock stands still."""
    swept_at = 0.0

    def asked():
        nonlocal swept_at
        if time.monotonic() - swept_at > 2:
            swept_at = time.monotonic()
            jobs.sweep(now=timezone.now())
        return condition()

    return eventually(asked, within_s=within_s)


def is_acting(holder):
    """Whether the trip is there and a worker is in the middle of what it asks for.

    Asked on another connection: inside a transaction the list of activities stays what it was.
    """
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    with connection.cursor() as cursor:
        cursor.execute(blocked, [holder.info.backend_pid])
        waits = cursor.fetchone()[0] > 0
    return waits and analysis.unsettled_trips(KEY).exists()


def kill_worker(platform):
    """The worker and its processes, where they stand; the process manager starts another."""
    pid = eventually(lambda: platform.pid("worker"), within_s=LATER_S)
    os.killpg(pid, signal.SIGKILL)
    assert eventually(lambda: platform.pid("worker") not in (None, pid), within_s=LATER_S)


@pytest.fixture(scope="module")
def watched():
    return {}


@pytest.fixture
def harmed(listening, watched):
    """The trip and what followed, with two dead workers and an empty Redis on the way; done once."""
    if not watched:
        harmful.priced_surface(SURFACE)
        began_at = harmful.begin(KEY, SURFACE)
        watched["review"] = harmful.under_review(KEY)
        harmful.visit_all(listening.edge_url, KEY, began_at)
        # Receivers hear of what happens after the first run of the feed; a young platform has had none.
        assert soon(FeedCursor.objects.exists)
        _die_twice(listening, watched["review"])
        watched["trip"] = analysis.unsettled_trips(KEY).get()
        assert soon(lambda: queries.incident_of_trip(watched["trip"].id))
        watched["incident"] = queries.incident_of_trip(watched["trip"].id).id
        assert soon(lambda: queries.incident(watched["incident"]).gathered_at)
    return listening


def _die_twice(platform, review):
    with without_clock(platform):
        with held_up(platform) as holder:
            asked = looks.request_look(experiment=KEY, trigger="manual", **harmful.by())
            assert in_the_end(lambda: is_acting(holder)), said_of(asked)
            kill_worker(platform)
            assert not flags.holds_of(KEY, KEY).exists()
        with redis.Redis.from_url(configured.HEADWAY_REDIS_URL) as server:
            server.flushdb()
        assert in_the_end(lambda: flags.holds_of(KEY, KEY).exists()), said_of(asked)
        kill_worker(platform)
        assert not review_queries.raised(review.id).exists()
    assert soon(lambda: review_queries.raised(review.id).exists())


def said_of(asked):
    """How the look stands, for a failure's message: its job, its trips, and who waits for whom."""
    asked.refresh_from_db()
    trips = list(analysis.trips().filter(experiment__key=KEY).values("state", "action", "outcome"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, pg_blocking_pids(pid), state, wait_event, now() - query_start, left(query, 200)"
            " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        sessions = "\n".join(map(str, cursor.fetchall()))
    return f"{asked.state} in attempt {asked.attempt} {asked.failure} {trips}\n{sessions}"


def count(subject, action):
    return [each.action for each in ledger.audit_of(subject)].count(action)


def test_trip__worker_dead_before_the_hold_and_before_the_flag__each_step_once(harmed, watched):
    row = queries.incident(watched["incident"])

    assert (count(f"experiment:{KEY}", "trip.opened"), count(f"experiment:{KEY}", "trip.acted")) == (1, 1)
    assert flags.holds_of(KEY, KEY).count() == 1
    assert experiments.experiment(KEY).state == "stopped"
    assert count(f"experiment:{KEY}", "review.flagged") == 1
    assert count(f"incident:{row.id}", "incident.opened") == 1
    assert events.labels(kind="incident").filter(origin=f"incident:{row.id}").count() == 1


def test_review__open_before_the_trip__flagged_and_blocked_by_it(harmed, watched):
    found = review_queries.standing(review_queries.review(watched["review"].id))

    assert [flag.trip_id for flag in review_queries.raised(watched["review"].id)] == [watched["trip"].id]
    assert found.state == found.review.state == "blocked"
    assert "guardrail planted-load-time is harmed" in found.blocking[0].title
    assert count(f"experiment:{KEY}", "review.blocked") == 1


def test_incident__priced_surface__slice_sessions_and_money_a_week(harmed, watched):
    row = queries.incident(watched["incident"])

    assert re.search(r"^device phone: \+[89]\d", row.slice["sentence"]), row.slice
    assert row.money["state"] == "priced"
    assert PRICED.match(row.money["sentence"]), row.money
    assert len(row.exemplars["sessions"]) == 5
    assert "a week" in queries.postmortem(row.id).impact
    assert queries.postmortem(row.id).state == "draft"


def test_owner_and_backup__a_real_mail_server__one_mail_each_about_the_incident(harmed, watched):
    inbox = {name: f"{name}@{harmful.HOST}" for name in (harmful.OWNER, harmful.BACKUP)}
    title = f"Incident {watched['incident']}:"

    for address in inbox.values():
        assert soon(lambda at=address: about(harmed, at, title)), harmed.mailbox.messages
        [mail] = about(harmed, address, title)
        assert "a week" in mail.get_content()
        assert f"/reviews/incidents/{watched['incident']}/" in mail.get_content()
    # A mail is out a moment before its audit row is written.
    assert soon(lambda: count(f"incident:{watched['incident']}", "person.mailed") == 2)


def about(platform, address, title):
    return [each for each in platform.mailbox.to(address) if title in each["Subject"]]


def test_receivers__each_kind__its_own_form_and_once(harmed, watched, stub):
    incident = watched["incident"]

    def opened():
        return {each["id"] for each in stub.got.get("webhook", []) if _is_opening(each, incident)}

    def paged():
        return [each for each in stub.pages() if each["dedup_key"] == f"headway/incident/{incident}"]

    assert soon(opened), deliveries()
    assert soon(paged), deliveries()
    assert soon(lambda: any("Incident opened" in text for text in stub.chatted())), deliveries()
    assert soon(lambda: {"guardrail", "incident"} <= stub.alerts()), deliveries()
    assert len(opened()) == 1
    assert {each["routing_key"] for each in paged()} == {ROUTING_KEY}


def deliveries():
    """How the deliveries to receivers stand, for a failure's message."""
    return list(Delivery.objects.values_list("receiver__name", "event", "state", "attempts"))


def _is_opening(message, incident):
    return message["event"] == "incident.opened" and message["data"].get("incident") == incident


def test_evidence__of_metric_validation__a_labelled_event_that_names_metric_and_direction(harmed, watched):
    row = queries.incident(watched["incident"])
    label = events.label(row.label)

    assert label.expected == {"planted-load-time": "up"}
    assert label.origin == f"incident:{row.id}"
