"""One pill per experiment."""

import pytest

from experiments import status
from experiments.lifecycle import State
from experiments.status import Pill, Snapshot

HARM = Pill("ROLL BACK", "roll-back")


@pytest.fixture(autouse=True)
def registries(monkeypatch):
    monkeypatch.setattr(status, "_verdicts", [])
    monkeypatch.setattr(status, "_snapshots", [])


@pytest.mark.parametrize("state", list(State))
def test_pills__nobody_judges__every_state_has_a_word(state):
    assert status.pills([("checkout", state)])["checkout"].word


def test_pills__verdict_known__said_instead_of_the_state():
    status.register_verdicts(lambda keys: {key: HARM for key in keys if key == "checkout"})

    pills = status.pills([("checkout", State.RUNNING), ("search", State.RUNNING)])

    assert pills == {"checkout": HARM, "search": status.OF_STATE[State.RUNNING]}


@pytest.mark.parametrize("state", [State.DRAFT, State.DECIDED, State.INVALID])
def test_pills__state_says_more_than_an_old_verdict__the_state(state):
    status.register_verdicts(lambda keys: dict.fromkeys(keys, HARM))

    assert status.pills([("checkout", state)])["checkout"] == status.OF_STATE[state]


def test_pills__many_experiments__asked_for_once():
    asked = []

    def verdicts(keys):
        asked.append(list(keys))
        return {}

    status.register_verdicts(verdicts)

    status.pills([("a", State.RUNNING), ("b", State.STOPPED), ("c", State.DRAFT)])

    assert asked == [["a", "b"]]


def test_register__twice__asked_once():
    calls = []

    def verdicts(keys):
        calls.append(keys)
        return {}

    status.register_verdicts(verdicts)
    status.register_verdicts(verdicts)
    status.pills([("a", State.RUNNING)])

    assert len(calls) == 1


def test_snapshot__known_to_the_second__found():
    stored = Snapshot("checkout", "a" * 64, "SHIP", is_trustworthy=True)
    status.register_snapshots(lambda sha256: None)
    status.register_snapshots(lambda sha256: stored if sha256 == stored.sha256 else None)

    assert status.snapshot("a" * 64) == stored
    assert status.snapshot("b" * 64) is None
