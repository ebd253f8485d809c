"""A running experiment with one stored look: who came on which day, and what the control showed."""

from datetime import timedelta

from analysis.models import AnalysisRun
from experiments import queries as experiments
from metrics import queries as metrics
from tests.apps.experiments.build import KEY, NOW
from tests.apps.report.build import resulted

DAYS = [[f"2026-03-{day:02d}", arm, 500] for day in range(2, 16) for arm in ("control", "treatment")]


def looked(key=KEY, *, look=1, days=14.0, by_day=DAYS, **numbers):
    """1,000 new units a day for two weeks; orders and errors of 10 each with a standard error of 0.2."""
    cut = NOW + timedelta(days=days)
    run = AnalysisRun.objects.create(
        experiment=experiments.experiment(key),
        plan_version=1,
        plan_sha256="0" * 64,
        look=look,
        data_cut=cut,
        config_hash="c" * 64,
        code_version="0.1.0",
        engine="duckdb",
        trigger="schedule",
        actor="schedule",
        requested_at=cut,
        finished_at=cut,
        enrolment={"by_day": by_day, "units": {"control": 7000, "treatment": 7000}},
    )
    for metric in ("orders", "errors"):
        control = {"value": 10.0, "estimate": {"value": 10.0, "variance": 0.04}}
        version = metrics.version(metric).id
        row = {"metric": metric, "metric_version_id": version, "units_control": 7000, "units_treatment": 7000}
        resulted(run, detail={"control": control}, **{**row, **numbers})
    return run
