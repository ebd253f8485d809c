"""A look end to end: asked for once, computed once, stored once."""

import pytest

from analysis.models import AnalysisRun, HealthCheck, MetricResult, ReportSnapshot
from ledger.models import JobState
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db(transaction=True)


def test_look__running_experiment__run_results_checks_and_snapshot():
    world.started(dimensions=["device"])
    world.write(*world.traffic())

    job = world.look(hours=24 * 9)

    assert (job.state, job.failure) == (JobState.SUCCEEDED, "")
    run = AnalysisRun.objects.get()
    assert (run.look, run.data_cut, run.trigger) == (1, world.at(24 * 9), "manual")
    overall = MetricResult.objects.filter(run=run, dimension="")
    assert set(overall.values_list("metric", "arm")) == {
        ("orders", "treatment"),
        ("latency-p95", "treatment"),
    }
    assert MetricResult.objects.filter(run=run, dimension="device").count() == 4
    assert HealthCheck.objects.filter(run=run).count() == 6
    assert ReportSnapshot.objects.get().run == run
