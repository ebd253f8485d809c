"""Work survives what happens to it: a killed worker, a Redis that forgets everything."""

import os
import signal
from contextlib import contextmanager

import psycopg
import redis
from django.utils import timezone

from analysis import queries, services
from analysis.services import storing
from experiments import queries as experiment_queries
from ledger import queries as ledger_queries
from tests.apps.embedded.watching import eventually
from tests.flows import planting
from tests.flows.hurrying import soon

WITHIN_S = 180


@contextmanager
def held_up(platform, key):
    """Looks at the experiment stop after reading and judging, before anything is stored."""
    experiment = experiment_queries.experiment(key)
    with psycopg.connect(platform.variables["DATABASE_URL"]) as holder:
        holder.execute("SELECT pg_advisory_lock(%s, %s)", [storing.LOCK, experiment.id])
        yield


def running_experiment(connected, key):
    planting.plant(connected.edge_url, key, harm_ms=0.0)
    return key


def asked(key):
    return services.request_look(experiment=key, trigger="manual", actor="rosa", now=timezone.now())


def job_state(job):
    return ledger_queries.job(job.kind, job.key).state


def runs(key):
    return list(queries.runs(key))


def test_worker__killed_in_the_middle_of_a_look__done_once_by_the_next_one(connected):
    key = running_experiment(connected, "killed-worker")
    killed = eventually(lambda: connected.pid("worker"), within_s=WITHIN_S)

    with held_up(connected, key):
        job = asked(key)
        assert soon(lambda: job_state(job) == "running")
        os.killpg(killed, signal.SIGKILL)
        assert eventually(lambda: connected.pid("worker") not in {None, killed}, within_s=WITHIN_S)
        assert runs(key) == []

    assert soon(lambda: runs(key))
    [run] = runs(key)
    done = ledger_queries.job(job.kind, job.key)
    assert (done.state, run.look) == ("succeeded", 1)
    assert done.attempt >= 2
    results = run.results.values_list("metric_version", "arm", "dimension", "level")
    assert len(set(results)) == len(results) > 0
    assert queries.snapshots(key).count() == 1


def test_redis__forgets_everything__the_look_is_done_all_the_same(connected):
    key = running_experiment(connected, "flushed-redis")
    broker = redis.Redis.from_url(connected.variables["REDIS_URL"])

    broker.flushdb()
    asked(key)
    broker.flushdb()

    assert soon(lambda: runs(key))
    assert len(runs(key)) == 1
    assert connected.pid("worker") is not None
