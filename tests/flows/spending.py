"""What a process of a study's host does; no Django, because children of a test import it."""

import time
from itertools import islice

from headway import Client
from headway.ablation import Budget, Delay
from headway.allowance import Allowance

USERS = 20
MORE_ROUNDS = 100
"""After the budget is spent: whoever could get more would."""


def delayed_units(client, study):
    """Users of the study whose arm has a dose."""
    found = (f"user-{number}" for number in range(200_000))
    return list(islice((unit for unit in found if client.number(study, unit, default=0.0) > 0), USERS))


def work(url, key, study, stop, told, number):
    """Serve requests of one process until told to stop, and some more. How many were slowed down and how many
    more are granted stands in `told`, never more than there are: what is left is written first."""
    with Client(url, key, poll_s=5, flush_s=0.2) as client:
        assert client.wait_until_ready(120)
        units = delayed_units(client, study)
        budget = Budget(unit_ms_per_day=1e9, total_ms_per_day=1e9, concurrent=50)
        allowance = Allowance(url, key, study, at_a_time=23, timeout_s=120)
        delay = Delay(client, study, budget, allowance=allowance, sleep=lambda seconds: None)
        slowed, more = 0, MORE_ROUNDS
        while more:
            for unit in units:
                slowed += delay.apply(unit).ms > 0
            more -= stop.is_set()
            told[2 * number + 1] = allowance.left
            told[2 * number] = slowed
            time.sleep(0.005)
        allowance.close()
