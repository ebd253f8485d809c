"""What a process of a study's host does; no Django, because children of a test import it."""

import time

from headway import Client
from headway.ablation import Budget, Delay
from headway.allowance import Allowance

USERS = 400


def delayed_units(client, study):
    """Users of the study whose arm has a dose."""
    found = (f"user-{number}" for number in range(200_000))
    return [unit for unit in found if client.number(study, unit, default=0.0) > 0][:USERS]


def work(url, key, study, seconds, queue):
    """Serve requests of one process for a while; how many were slowed down."""
    with Client(url, key, poll_s=5, flush_s=0.2) as client:
        client.wait_until_ready(30)
        units = delayed_units(client, study)
        budget = Budget(unit_ms_per_day=1e9, total_ms_per_day=1e9, concurrent=50)
        allowance = Allowance(url, key, study, at_a_time=23)
        delay = Delay(client, study, budget, allowance=allowance, sleep=lambda seconds: None)
        until, slowed = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            for unit in units[:20]:
                slowed += delay.apply(unit).ms > 0
            time.sleep(0.005)
        queue.put((slowed, allowance.left))
        allowance.close()
