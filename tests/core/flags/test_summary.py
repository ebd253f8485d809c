"""One row of the list says what a flag does."""

from datetime import UTC, datetime

import pytest

from flags import seen, summary
from tests.core.flags.texts import DE, definition, fixed, split

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "serves", "coverage_ppm"),
    [
        (None, "product code gets its own default", None),
        (definition(), "off to everybody", 1_000_000),
        (definition(default=None), "the default in the code to everybody", 1_000_000),
        (definition(on=False), "off to everybody", None),
        (definition(on=False, off=None), "product code gets its own default", None),
        (definition(rules=[fixed(when=DE)]), "If country is one of de, at: on.", None),
        (definition(rules=[fixed("r1", when=DE), split("r2", 5)]), "2 rules, otherwise off", 5),
        (definition(rules=[split("r1", 5, when=DE), split("r2", 6)]), "2 rules, otherwise off", None),
    ],
)
def test_summary__cases__what_is_served_and_how_far(content, serves, coverage_ppm):
    found = summary.of(content)

    assert (found.serves, found.coverage_ppm) == (serves, coverage_ppm)


def test_summary__experiments__named():
    found = summary.of(definition(rules=[split(experiment="a")]))

    assert found.experiments == ("a",)


def test_summary__held_but_switched_off__off_is_the_worse_fact():
    assert summary.of(definition(on=False), is_held=True).state == "off"


def test_seen__several_sources__newest_of_each_flag(monkeypatch):
    monkeypatch.setattr(seen, "_providers", [])
    assert not seen.is_known()

    seen.register(lambda environment, flags: {"a": NOON}, lambda environment: None)
    assert seen.counted_since("production") is None
    seen.register(
        lambda environment, flags: {"a": NOON.replace(hour=13), "b": NOON}, lambda environment: NOON
    )

    assert seen.counted_since("production") == NOON

    assert seen.last_seen("production", ["a", "b", "c"]) == {"a": NOON.replace(hour=13), "b": NOON}


def _never(environment):
    return None


def test_seen__same_source_twice__asked_once(monkeypatch):
    calls: list = []

    def source(environment, flags):
        calls.append(environment)
        return {}

    monkeypatch.setattr(seen, "_providers", [])
    for _ in range(2):
        seen.register(source, _never)
    seen.last_seen("production", ["a"])

    assert calls == ["production"]
