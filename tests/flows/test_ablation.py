"""A study on the running platform: eight processes spend one budget, and the kill switch ends every delay."""

import multiprocessing
import time
from itertools import zip_longest

import pytest
from django.utils import timezone

from analysis import queries as looks
from analysis import services as analysis
from flags import services as flags
from headway import Client
from headway.ablation import Budget, Delay
from headway.allowance import Allowance
from impact import queries, services
from metrics import services as metrics
from organisation import services as organisation
from organisation.queries import teams
from tests.apps.embedded.watching import eventually
from tests.flows.hurrying import soon
from tests.flows.places import environment, filed
from tests.flows.spending import delayed_units, work

pytestmark = pytest.mark.flow
BUDGET, PROCESSES = 300, 8
PLANTED = -0.3
"""Per 100 ms: far more than anybody lost, so that six hundred users tell."""
USUAL, USERS_OF_AN_ARM, WITHIN_S = 0.6, 200, 120
CONVERSION = """
key = "flow-conversion"
title = "Conversion in the flow"
question = "Who buys?"
kind = "proportion"
unit = "%"
direction = "up"
owner = "rosa"
hypothesis = "Faster pages sell more."
[source]
event = "purchase"
"""


@pytest.fixture
def study(connected, request):
    """A running study with a budget of 300 requests: where SDKs ask, with which key, its name."""
    name = f"slow-{request.node.name.split('__')[0].removeprefix('test_').replace('_', '-')}"
    place, now = environment("ablations"), timezone.now()
    by = {"actor": "ada", "now": now}
    place_of(name, by)
    services.propose_study(
        key=name,
        title="Slow page",
        surface=name,
        environment=place,
        doses_ms=getattr(request, "param", [10, 20]),
        days=7,
        share_ppm=20_000,
        exposures=BUDGET,
        ethics="Twenty milliseconds hurt nobody.",
        actor="eva",
        now=now,
    )
    for capacity, who in (("surface_owner", "ada"), ("metric_owner", "rosa"), ("sponsor", "vera")):
        services.approve_study(key=name, capacity=capacity, actor=who, now=now)
    services.start_study(key=name, actor="ada", now=now)
    _, secret = flags.create_key(environment=place, name=name, scope="server", **by)
    return connected.edge_url, secret, name


def place_of(name, by):
    """A surface with a value model."""
    if not teams().filter(key="flow-shop").exists():
        organisation.create_team(key="flow-shop", name="Shop", owner="ada", **by)
        metrics.load_definitions(texts={"c.toml": CONVERSION}, actor="rosa", now=by["now"])
    organisation.create_surface(key=name, name="Page", team="flow-shop", owner="ada", **by)
    services.set_value(
        surface=name,
        currency="EUR",
        revenue_minor=10**9,
        surface_share=1.0,
        outcome="flow-conversion",
        source="a test",
        **by,
    )


def test_budget__eight_processes_at_once__all_of_it_is_granted_and_not_one_more(study):
    url, key, name = study
    context = multiprocessing.get_context("spawn")
    stop, told = context.Event(), context.Array("i", 2 * PROCESSES)
    processes = [
        context.Process(target=work, args=(url, key, name, stop, told, number)) for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    eventually(lambda: sum(told) >= BUDGET, within_s=WITHIN_S)
    stop.set()
    for process in processes:
        process.join(WITHIN_S)

    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert queries.study(name).spent == BUDGET
    assert sum(told) == BUDGET
    assert sum(told[::2]) > 0


def test_kill_switch__pulled__no_request_is_slowed_any_more(study):
    url, key, name = study
    with Client(url, key, poll_s=2, flush_s=0.2) as client:
        assert client.wait_until_ready(WITHIN_S)
        units = delayed_units(client, name)
        allowance = Allowance(url, key, name, at_a_time=100, timeout_s=120)
        delay = Delay(client, name, Budget(concurrent=50), allowance=allowance, sleep=lambda _: None)
        assert eventually(lambda: any(delay.apply(unit).ms for unit in units), within_s=WITHIN_S)

        services.end_study(key=name, reason="enough", actor="ada", now=timezone.now())

        assert eventually(lambda: not client.number(name, units[0], default=0.0), within_s=WITHIN_S)
        assert allowance.left > 0
        assert [delay.apply(unit).ms for unit in units] == [0.0] * len(units)
        allowance.close()


@pytest.mark.parametrize("study", [[100, 200]], indirect=True)
def test_finding__planted_loss_through_sdk_events_and_worker__recovered(study):
    url, key, name = study
    with Client(url, key, poll_s=5, flush_s=0.2) as client:
        assert client.wait_until_ready(WITHIN_S)
        budget = Budget(unit_ms_per_day=1e9, total_ms_per_day=1e9, concurrent=50)
        delay = Delay(client, name, budget, sleep=lambda _: None)
        for number, unit in enrolled(client, name):
            ms = delay.apply(unit).ms
            # Exactly so many of each arm: chance has no part in what is to be recovered.
            if number < USERS_OF_AN_ARM * USUAL * (1 + PLANTED * ms / 100) - 0.5:
                client.track("purchase", unit)
    filed(environment("ablations"))
    # A look reads up to the whole second.
    time.sleep(1)
    analysis.request_look(experiment=name, trigger="manual", actor="ada", now=timezone.now())
    assert soon(lambda: looks.runs(name).exists())
    services.end_study(key=name, reason="enough seen", actor="ada", now=timezone.now())

    found = services.estimate_study(key=name, now=timezone.now())

    assert found.grade == "A"
    assert [point["delivered_ms"] for point in found.details["points"]] == [100.0, 200.0]
    assert abs(found.per_100_ms - PLANTED) < found.standard_error
    assert found.per_100_ms + 2 * found.standard_error < 0


def enrolled(client, study):
    """As many users of each of the study's three arms, by turns, with their number in the arm: whom the salt
    puts where must not decide what is found."""
    arms = {}
    for number in range(1_000_000):
        unit = f"buyer-{number}"
        found = client.config.evaluate(study, unit)
        if found.experiment:
            arms.setdefault(found.variant, []).append(unit)
        if len(arms) == 3 and min(map(len, arms.values())) >= USERS_OF_AN_ARM:
            break
    by_turns = zip_longest(*(units[:USERS_OF_AN_ARM] for units in arms.values()))
    return [(number, unit) for number, units in enumerate(by_turns) for unit in units]
