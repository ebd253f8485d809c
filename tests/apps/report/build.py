"""Looks and reports in the database, made from report facts without any event."""

from dataclasses import replace
from datetime import timedelta

from analysis.models import AnalysisRun, GuardrailTrip, MetricResult, ReportSnapshot
from analysis.report import document
from experiments import queries as experiments
from metrics import queries as metrics
from tests.apps.experiments.build import KEY, NOW
from tests.golden.report.cases import CASES

__all__ = ["KEY", "NOW", "reported", "resulted", "tripped"]


def reported(case="roll_back", *, key=KEY, look=1, days=16.0, **about):
    """One more look at a started experiment, with the report of a golden case; returns the snapshot."""
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
    )
    before = ReportSnapshot.objects.filter(experiment__key=key).order_by("-id").first()
    prev = before.sha256 if before else ""
    built = document.build(_facts(case, key, look, days, about), prev_sha256=prev, created_at=cut)
    text, sha256 = document.serialise(built)
    return ReportSnapshot.objects.create(
        experiment=run.experiment,
        run=run,
        verdict=built["verdict"]["code"],
        document=text,
        sha256=sha256,
        prev_sha256=prev,
        created_at=cut,
    )


def _facts(case, key, look, days, about):
    """The case's facts as those of an experiment that began at NOW."""
    found = CASES[case]()
    started = {"experiment": key, "started_at": NOW}
    if found.plan.stopped_at is not None:
        started["stopped_at"] = NOW + timedelta(days=days)
    plan = replace(found.plan, **started)
    owner = {"owner": "rosa", **about}
    return replace(
        found,
        plan=plan,
        look=look,
        data_until=NOW + timedelta(days=days),
        experiment=replace(found.experiment, **owner),
    )


def resulted(run, **changes):
    """A stored row of the metric "orders"."""
    bound = metrics.version("orders")
    row = {
        "run": run,
        "metric_version_id": bound.id,
        "metric": "orders",
        "role": "primary",
        "arm": "treatment",
        "units_control": 100,
        "units_treatment": 101,
        "estimate": 0.5,
        "standard_error": 0.1,
        "low": 0.2,
        "high": 0.8,
        "state": "better",
    }
    return MetricResult.objects.create(**{**row, **changes})


def tripped(snapshot, **changes):
    """An open blocking trip of the metric "errors", opened at the snapshot's look."""
    bound = metrics.version("errors")
    row = {
        "experiment": snapshot.experiment,
        "metric_version_id": bound.id,
        "metric": "errors",
        "arm": "treatment",
        "run": snapshot.run,
        "severity": "harm",
        "is_blocking": True,
        "action": "hold",
        "estimate": 42.0,
        "low": 18.0,
        "high": 66.0,
        "margin": 30.0,
        "opened_at": snapshot.created_at,
    }
    return GuardrailTrip.objects.create(**{**row, **changes})
