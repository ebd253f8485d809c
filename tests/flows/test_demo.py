"""The demonstration: real data in, the right numbers out, and nothing doubled by a second run."""

import re
import stat
import time
from datetime import UTC, datetime
from itertools import cycle

import numpy as np
import pytest
from scipy import stats

from analysis import queries as analysis_queries
from demo import bandit, shop
from events import queries as event_queries
from experiments import queries as experiment_queries
from flags import queries as flag_queries
from tests.flows.calling import Console
from tests.flows.reading import newest_report, reader, row_of

SECOND_RUN_WITHIN_S = 120
EXPERIMENTS = (shop.EXPERIMENT, *map(bandit.experiment_key, bandit.CAMPAIGNS))


@pytest.fixture
def api(connected, demonstration):
    return reader(connected)


def clicks(campaign):
    """0 or 1 for every impression of each policy, straight from the file."""
    found = {"random": [], "bts": []}
    for impression in bandit.impressions():
        if impression.campaign == campaign:
            found[impression.policy].append(float(impression.clicked))
    return np.array(found["random"]), np.array(found["bts"])


def stored(kind):
    return sum(file.rows for file in event_queries.files(kind, environment="production"))


def inventory():
    """How much there is of everything that a second run could double."""
    return {
        "exposures": stored("exposures"),
        "events": stored("events"),
        "experiments": experiment_queries.experiments().filter(owner="demo").count(),
        "flags": flag_queries.flags().filter(owner="demo").count(),
        "keys": flag_queries.sdk_keys().filter(created_by="demo").count(),
        "reports": {key: analysis_queries.snapshots(key).count() for key in EXPERIMENTS},
        "trips": analysis_queries.trips().filter(experiment__key__in=EXPERIMENTS).count(),
    }


@pytest.mark.parametrize("campaign", bandit.CAMPAIGNS)
def test_bandit_report__over_http__equal_to_scipy_on_the_file(api, campaign):
    random, bts = clicks(campaign)
    oracle = stats.ttest_ind(bts, random, equal_var=False)
    interval = oracle.confidence_interval(0.95)

    report = newest_report(api, bandit.experiment_key(campaign))

    row = row_of(report, "recommendation-click-rate")
    found = row["arms"][0]["fixed"]
    assert (row["control"]["arm"], row["arms"][0]["arm"]) == ("random", "bts")
    assert row["control"]["value"] == pytest.approx(random.mean(), abs=1e-9)
    assert row["arms"][0]["value"] == pytest.approx(bts.mean(), abs=1e-9)
    assert found["difference"] == pytest.approx(bts.mean() - random.mean(), abs=1e-9)
    assert found["low"] == pytest.approx(interval.low, abs=1e-9)
    assert found["high"] == pytest.approx(interval.high, abs=1e-9)
    assert found["p_value"] == pytest.approx(oracle.pvalue, abs=1e-9)
    assert (row["control"]["units"], row["arms"][0]["units"]) == (10_000, 10_000)


def test_shop_report__over_http__roll_back_for_a_latency_that_the_traces_confirm(api):
    traces = shop.trace_latencies_ms()
    p95 = {arm: float(np.quantile(of, 0.95, method="inverted_cdf")) for arm, of in traces.items()}

    report = newest_report(api, shop.EXPERIMENT)

    latency = row_of(report, "home-latency-p95")["arms"][0]
    assert report["verdict"]["code"] == "ROLL BACK"
    assert (latency["state"], latency["is_confirmed"]) == ("harm", True)
    assert (
        latency["always_valid"]["low"] <= p95["treatment"] - p95["control"] <= latency["always_valid"]["high"]
    )
    assert [each["arm"] for each in report["decision"]["arms"]] == ["treatment"]


def test_shop__confirmed_harm__run_ended_flag_held_and_the_default_served(connected, demonstration):
    run = experiment_queries.experiment(shop.EXPERIMENT)
    flag, place = flag_queries.flag(shop.FLAG), flag_queries.environment("production")

    assert run.state == "stopped"
    assert flag_queries.open_holds(flag, place).count() == 1
    live = flag_queries.live_version(flag, place)
    assert live is not None
    assert not any("experiment" in rule for rule in live.definition["rules"])


def test_demo__killed_during_the_replay_and_run_again__every_event_of_the_recordings_stored_once(
    connected, demonstration
):
    sessions = list(shop.sessions(until=datetime.now(UTC)))
    latencies = cycle([0.0])
    happened = sum(1 for session in sessions for _ in shop.visit(session, latencies))

    assert demonstration.was_interrupted
    assert stored("exposures") == 60_000 + len(sessions)
    assert stored("events") == 287 + happened


def test_demo__what_it_printed__verdicts_address_and_a_login(demonstration):
    for word in ("ROLL BACK", "SHIP", "INCONCLUSIVE", "/experiments/home-recommendations/report"):
        assert word in demonstration.printed
    assert re.search(r"Log in +demo, password \S{12,}", demonstration.printed)


def test_login__printed_password__lets_in_and_another_does_not(platform, demonstration):
    assert Console(platform.web_url).log_in("demo", demonstration.password)
    assert not Console(platform.web_url).log_in("demo", "headway")


def test_secrets__kept__for_their_owner_only(platform, demonstration):
    [kept] = [file for file in platform.home.iterdir() if file.name == "demo.json"]

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_second_run__everything_done__same_verdicts_nothing_doubled_and_quick(connected, demonstration):
    before = inventory()
    began = time.monotonic()

    again = connected.run("demo")

    assert again.returncode == 0, again.stdout + again.stderr
    assert time.monotonic() - began < SECOND_RUN_WITHIN_S
    assert inventory() == before
    verdicts = re.compile("ROLL BACK|SHIP|INCONCLUSIVE")
    assert verdicts.findall(again.stdout) == verdicts.findall(demonstration.printed)
    assert demonstration.password in again.stdout
