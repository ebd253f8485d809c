"""Retro-guardrails are replayed on stored history, in parts when there is much of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance import services
from governance.models import RetroGuardrail
from governance.services import backtesting
from ledger import jobs
from ledger.models import Job, JobState
from tests.apps.analysis import world
from tests.apps.flags import build

pytestmark = pytest.mark.django_db
NOW = world.at(24 * 12)


@pytest.fixture
def proposed(monkeypatch):
    """Ten stored days of requests, and a guardrail proposed two days after."""
    build.environment()
    texts = {"latency-p95.toml": world.METRICS["latency-p95"]}
    world.metrics.load_definitions(texts=texts, actor="rosa", now=NOW)
    world.write([], world.traffic(200)[1])
    by = {"actor": "key:ci", "now": NOW}
    row = services.open_incident(title="Slow", metric="latency-p95", direction="up", **by)
    return services.propose_guardrail(id=row.id, metric="latency-p95", margin=0.05, is_relative=True, **by)


def run_once():
    job = Job.objects.get(kind=backtesting.KIND)
    Job.objects.update(run_after=timezone.now() - timedelta(seconds=1))
    jobs.run(job.id)
    job.refresh_from_db()
    return job


def test_backtest__more_history_than_one_part_holds__read_on_and_said_the_same(proposed, monkeypatch):
    whole = backtesting.replayed(proposed).to_dict()
    monkeypatch.setattr(backtesting, "PART_S", -1.0)

    parts = 0
    while (job := run_once()).state == JobState.QUEUED:
        parts += 1
        read = RetroGuardrail.objects.get().result["read"]
        assert (len(read), job.attempt) == (parts, 0)
        assert parts < 20

    found = RetroGuardrail.objects.get()
    assert parts >= 9
    assert (found.state, found.result) == ("done", whole)
    assert whole["sentence"].startswith("would have tripped on ")
