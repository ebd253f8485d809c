"""A trip opens in the instant of a launch: one comes after the other, whoever is first.

Two transactions are really open at once; the second one's waiting is read off the locks of the database.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from analysis import queries as analysis
from analysis.guardrails import Action, Trip
from analysis.report.facts import Harm
from analysis.services import tripping
from experiments import queries as experiments
from flags import queries as flag_queries
from flags import services as flags
from flags.gates import Blocked
from ledger import jobs
from ledger.models import Job
from tests.apps.analysis import world
from tests.apps.embedded.watching import eventually
from tests.apps.governance import open_worlds
from tests.apps.governance.open_experiments import decided
from tests.apps.governance.open_worlds import BY, NOW

pytestmark = pytest.mark.django_db(transaction=True)
WITHIN_S = 120.0


@pytest.fixture
def pool():
    with ThreadPoolExecutor(1) as made:
        yield made


def beside(pool, call):
    """The call in a transaction of its own: its future, once it waits for this one or has ended without."""

    def ended():
        try:
            return call()
        finally:
            connection.close()

    future = pool.submit(ended)
    assert eventually(lambda: future.done() or somebody_waits(), within_s=WITHIN_S)
    return future


def somebody_waits():
    """Whether another connection waits for a lock that this one holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
            " AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return cursor.fetchone()[0]


def harm(action=Action.HOLD, severity=Harm.HARM):
    [binding] = [each for each in experiments.plan(world.KEY).bindings if each.metric == "latency-p95"]
    return Trip(
        binding=binding,
        arm="treatment",
        harm=severity,
        action=action,
        estimate=40.0,
        low=30.0,
        high=50.0,
        margin=20.0,
    )


@transaction.atomic
def opened(*harmed):
    run = open_worlds.look_of(experiments.experiment(world.KEY))
    return tripping.open_trips(run, harmed or [harm()], now=NOW)


def default():
    version = flag_queries.live_version(flag_queries.flag(world.KEY), flag_queries.environment("production"))
    return version.definition["default"]


def ship():
    return flags.ship_variant(
        flag=world.KEY, environment="production", variant="on", experiment="x", reason="ship", **BY
    )


@pytest.mark.parametrize("launch", [decided, ship], ids=["decision", "flag"])
def test_launch__while_a_trip_is_being_opened__waits_and_is_refused(launch, pool):
    open_worlds.measured()
    before = default()

    with transaction.atomic():
        opened()
        launched = beside(pool, launch)

    with pytest.raises(Blocked, match="is harmed in arm treatment"):
        launched.result(WITHIN_S)
    assert default() == before != "on"
    assert experiments.decision(world.KEY) is None


def test_roll_back__while_a_look_holds_the_environment__keeps_no_trip_that_the_look_needs(pool):
    flags.create_environment(key="production", is_production=True, actor="ada", now=NOW)
    open_worlds.team()
    open_worlds.begun(world.KEY)
    confirmed = harm(Action.ROLL_BACK, Harm.CONFIRMED)
    opened(confirmed)
    [job] = Job.objects.filter(kind=tripping.KIND)

    with transaction.atomic():
        flags.lock_environment(environment="production")
        acted = beside(pool, lambda: jobs.run(job.id))
        opened(confirmed)

    assert acted.result(WITHIN_S)
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("succeeded", 1)
    assert "the experiment was stopped" in analysis.trips().get().outcome
