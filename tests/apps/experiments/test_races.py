# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Two people at once: one of them wins and the other is told."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import OperationalError, connection

from experiments import queries, services
from flags import services as flag_services
from ledger import audit
from ledger import queries as ledger_queries
from ledger.refusals import Conflict
from metrics import queries as metric_queries
from metrics import services as metric_services
from tests.apps.experiments.build import KEY, NOW, drafted, started
from tests.apps.metrics.texts import metric_text

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls):
    """Run all calls in threads that begin together; the outcomes, refusals included."""
    gate = Barrier(len(calls))

    def one(call):
        try:
            gate.wait(timeout=60)
            return call()
        except (Conflict, OperationalError) as trouble:
            return trouble
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def test_start__twice_at_once__one_phase_and_one_conflict():
    drafted()

    outcomes = at_once(*[lambda: services.start(key=KEY, actor="rosa", now=NOW)] * 4)

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 3
    assert queries.phases(KEY).count() == 1
    actions = [row.action for row in ledger_queries.audit_of(f"experiment:{KEY}")]
    assert actions.count("experiment.started") == 1
    assert audit.first_broken() is None


def test_stop_and_invalidate__at_once__ended_once_and_invalid():
    started()
    end: dict = {"key": KEY, "reason": "over", "actor": "rosa", "now": NOW}

    at_once(lambda: services.stop(**end), lambda: services.invalidate(**end))

    assert queries.open_phase(KEY) is None
    assert queries.experiment(KEY).state == "invalid"
    assert queries.experiment(KEY).stopped_at == NOW


def test_start_stop_and_flag_changes__at_once__nobody_waits_for_ever():
    flag_services.create_environment(key="production", is_production=True, actor="rosa", now=NOW)
    flag_services.create_flag(key=KEY, value_type="bool", actor="rosa", now=NOW)
    drafted(assigned_here=True)
    by: dict = {"actor": "rosa", "now": NOW}

    for number in range(6):
        outcomes = at_once(
            lambda: services.start(key=KEY, **by),
            lambda n=number: flag_services.create_flag(key=f"flag-{n}", value_type="bool", **by),
            lambda: services.stop(key=KEY, reason="enough", **by),
            lambda: flag_services.hold(flag=KEY, environment="production", reason="look", **by),
        )
        assert [str(each) for each in outcomes if isinstance(each, OperationalError)] == []

    assert audit.first_broken() is None


def test_load_text__same_new_metric_at_once__one_version():
    text = metric_text("visits")

    at_once(*[lambda: metric_services.load_text(text=text, actor="rosa", now=NOW)] * 4)

    assert metric_queries.versions("visits").count() == 1


def test_load_text__two_changes_at_once__numbers_without_gap_and_current_is_the_last():
    metric_services.load_text(text=metric_text("visits"), actor="rosa", now=NOW)
    units = ["a", "b", "c", "d"]

    at_once(
        *[
            lambda unit=unit: metric_services.load_text(
                text=metric_text("visits", unit=unit), actor="rosa", now=NOW
            )
            for unit in units
        ]
    )

    assert [version.number for version in metric_queries.versions("visits")] == [5, 4, 3, 2, 1]
    assert metric_queries.metric("visits").current.number == 5
