"""The real A/B test through inbox, store, engine and pipeline: equal to direct computation on its file."""

import json
from datetime import timedelta
from itertools import islice

import numpy as np
import pytest
from scipy import stats

from analysis import queries
from analysis.models import AnalysisRun, MetricResult
from demo import bandit
from events import services as events
from experiments import services as experiments
from metrics import services as metrics
from tests.apps.analysis import world
from tests.apps.events.building import put

CLICKED = """
key = "clicked"
title = "Clicked"
question = "Is a recommendation clicked?"
kind = "proportion"
unit = "share"
direction = "up"
owner = "rosa"
hypothesis = "A learning policy is clicked more often."
[source]
event = "recommendation_click"
"""
TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def clicks():
    """Clicks (0 or 1) of every impression by campaign and policy, straight from the file."""
    found = {}
    for impression in bandit.impressions():
        found.setdefault((impression.campaign, impression.policy), []).append(float(impression.clicked))
    return {place: np.array(values) for place, values in found.items()}


def batches():
    """All exposures and clicks, a thousand at a time."""
    rows = bandit.events()
    while batch := list(islice(rows, 1000)):
        yield batch


def run(campaign):
    """Plan, start and stop one campaign, and look at it."""
    key = bandit.experiment_key(campaign)
    content = {
        "title": f"Bernoulli Thompson sampling, {campaign}",
        "flag": key,
        "assigned_here": False,
        "unit_type": bandit.UNIT_TYPE,
        "dimensions": ["position"],
        "arms": [
            {"key": "random", "variant": "random", "weight_ppm": 500_000, "role": "control"},
            {"key": "bts", "variant": "bts", "weight_ppm": 500_000},
        ],
        "hypothesis": {
            "change": "Choose by Thompson sampling",
            "audience": "visitors",
            "metric": "clicked",
            "direction": "up",
            "expected": {"value": 0.001, "relative": False},
            "mechanism": "what is clicked is shown more",
            "refuted_if": "as many clicks",
        },
    }
    start, by = bandit.STARTED_AT, {"key": key, "actor": "rosa"}
    experiments.create(content=content, now=start, **by)
    experiments.bind_metric(content={"metric": "clicked", "role": "primary"}, now=start, **by)
    experiments.start(now=start, publish=False, **by)
    experiments.stop(now=bandit.STOPPED_AT, reason="the data end", **by)
    return world.look(key, now=bandit.STOPPED_AT + timedelta(days=1))


@pytest.mark.django_db
def test_bandit__every_campaign__rates_difference_interval_and_p_value_equal_scipy(
    clicks, settings, tmp_path
):
    settings.HEADWAY_EVENT_STORE = tmp_path.as_uri()
    for batch in batches():
        put(batch, received_at=bandit.STOPPED_AT)
    stored = events.drain(now=bandit.STOPPED_AT)
    metrics.load_definitions(texts={"clicked.toml": CLICKED}, actor="rosa", now=bandit.STARTED_AT)

    for campaign in bandit.CAMPAIGNS:
        run(campaign)

    assert stored.refused == 0
    assert AnalysisRun.objects.count() == len(bandit.CAMPAIGNS)
    for campaign in bandit.CAMPAIGNS:
        assert_equal_to_scipy(campaign, clicks[campaign, "random"], clicks[campaign, "bts"])


def assert_equal_to_scipy(campaign, control, treatment):
    key = bandit.experiment_key(campaign)
    row = MetricResult.objects.get(run__experiment__key=key, dimension="")
    found = row.detail["fixed"]["difference"]
    expected = stats.ttest_ind(treatment, control, equal_var=False)
    interval = expected.confidence_interval(0.95)

    assert (row.units_control, row.units_treatment) == (control.size, treatment.size)
    assert row.detail["control"]["value"] == pytest.approx(control.mean(), rel=TOLERANCE)
    assert row.detail["treatment"]["value"] == pytest.approx(treatment.mean(), rel=TOLERANCE)
    assert found["estimate"] == pytest.approx(treatment.mean() - control.mean(), rel=TOLERANCE)
    assert found["p_value"] == pytest.approx(expected.pvalue, rel=TOLERANCE)
    assert found["confidence_interval"]["lower"] == pytest.approx(interval.low, rel=TOLERANCE)
    assert found["confidence_interval"]["upper"] == pytest.approx(interval.high, rel=TOLERANCE)
    assert_same_in_report(key, row)


def assert_same_in_report(key, row):
    """The snapshot shows exactly the stored numbers."""
    [metric] = json.loads(queries.latest_snapshot(key).document)["results"]
    [arm] = metric["arms"]
    stored, shown = row.detail["fixed"]["difference"], arm["fixed"]

    assert shown["difference"] == stored["estimate"]
    assert shown["p_value"] == stored["p_value"]
    assert [shown["low"], shown["high"]] == [stored["confidence_interval"][end] for end in ("lower", "upper")]
    assert metric["control"]["value"] == row.detail["control"]["value"]
    assert arm["value"] == row.detail["treatment"]["value"]
