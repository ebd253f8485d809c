"""The table of states."""

from itertools import product

import pytest

from experiments.lifecycle import ALLOWED, STARTED, State, check, is_allowed
from ledger.refusals import Conflict

# Written down a second time on purpose: "from → to" of every move that may happen, nothing else.
MOVES = """
draft → in_review, running
in_review → draft, approved
approved → draft, scheduled, running
scheduled → approved, running
running → paused, stopped, invalid
paused → running, stopped, invalid
stopped → decided, invalid
decided → rolling_out, closed
rolling_out → closed
closed →
invalid →
"""
EXPECTED = {
    (before.strip(), after.strip())
    for before, _, listed in (line.partition("→") for line in MOVES.strip().splitlines())
    for after in listed.split(",")
    if after.strip()
}


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_lifecycle__every_pair__allowed_exactly_when_listed(before, after):
    may = (before.value, after.value) in EXPECTED

    assert is_allowed(before, after) is may
    if may:
        check("checkout", before, after)
    else:
        with pytest.raises(Conflict, match=f"is {before.words} and cannot become {after.words}"):
            check("checkout", before, after)


def test_lifecycle__table__names_every_state():
    assert set(ALLOWED) == set(State)


def test_lifecycle__refusal__says_what_is_possible():
    with pytest.raises(Conflict, match="can become: in review, running"):
        check("checkout", State.DRAFT, State.DECIDED)


def test_lifecycle__from_draft__every_state_is_reached():
    reached, frontier = set(), {State.DRAFT}
    while frontier:
        reached |= frontier
        frontier = {after for state in frontier for after in ALLOWED[state]} - reached

    assert reached == set(State)


def test_lifecycle__started__exactly_the_states_behind_running():
    reached, frontier = set(), {State.RUNNING}
    while frontier:
        reached |= frontier
        frontier = {after for state in frontier for after in ALLOWED[state]} - reached

    assert reached == STARTED
