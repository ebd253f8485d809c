"""What is kept of a day: values by slice equal to those of its rows, ids left out, nothing lost."""

from datetime import UTC, datetime

import numpy as np
import pytest

from impact.cells import Wanted, total
from impact.daily import Parting, cells_of
from impact.daily_names import EVERYBODY, HIT, OTHERS, REST
from metrics.definitions import Direction, Kind, Measure, MetricDefinition, Source
from tests.core.analysis import store

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
COUNTRIES = [f"c{number:02d}" for number in range(40)]


def metric(kind, event="purchase", measure=Measure.VALUE, **facts):
    words = dict.fromkeys(("key", "title", "question", "unit", "owner", "hypothesis"), "x")
    source = Source(event, measure)
    return MetricDefinition(**words, kind=kind, direction=Direction.UP, source=source, **facts)


BUYERS = Wanted(metric(Kind.PROPORTION))
SPENT = Wanted(metric(Kind.MEAN))
BASKET = Wanted(metric(Kind.RATIO, denominator=Source("request", Measure.COUNT)))
SLOW = Wanted(metric(Kind.MEAN, "request"), per_event=True)
P75 = Wanted(metric(Kind.QUANTILE, "request", quantile=0.75))
ALL = [BUYERS, SPENT, BASKET, SLOW, P75]


def rows():
    rng = np.random.default_rng(5)
    for unit in range(1200):
        country = COUNTRIES[unit if unit < 40 else min(int(rng.exponential(6)), 30)]
        dims = {"country": country, "device": "phone" if unit % 3 else "desk", "request_id": f"r{unit}"}
        base = {"ts": AT, "unit": unit, "unit_type": "user", "session": None, "received_at": AT}
        slow = {"event_id": f"q{unit}", "name": "request", "value": float(rng.lognormal(6.5, 0.3))}
        yield {**base, **slow, "dims": dims}
        if rng.random() < 0.3:
            bought = {"event_id": f"p{unit}", "name": "purchase", "value": float(rng.integers(5, 90))}
            yield {**base, **bought, "dims": dims}


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """Rows of a day, and its cells read from two buckets with a crossing and one named level."""
    known, folder = list(rows()), tmp_path_factory.mktemp("day")
    buckets = []
    for bucket in range(2):
        path = folder / f"{bucket}.parquet"
        store.write_file(path, [row for row in known if row["unit"] % 2 == bucket], store.EVENTS)
        buckets.append((str(path),))
    crossing = {"country": ["c00", "c01"], "device": ["phone"]}
    parting = Parting({"crossed:x": crossing}, {"country": frozenset({"c39"})})
    return known, cells_of(buckets, ALL, parting)


def by_hand(known, keep):
    chosen = [row for row in known if keep(row["dims"])]
    bought = [row for row in chosen if row["name"] == "purchase"]
    slow = [row["value"] for row in chosen if row["name"] == "request"]
    people = len({row["unit"] for row in chosen})
    spent = sum(row["value"] for row in bought)
    return [
        len({row["unit"] for row in bought}) / people,
        spent / people,
        spent / len(slow),
        float(np.mean(slow)),
        float(np.quantile(slow, 0.75, method="inverted_cdf")),
    ]


@pytest.mark.parametrize(
    ("dimension", "level", "keep"),
    [
        (EVERYBODY, EVERYBODY, lambda dims: True),
        ("country", "c00", lambda dims: dims["country"] == "c00"),
        ("device", "phone", lambda dims: dims["device"] == "phone"),
        ("crossed:x", HIT, lambda dims: dims["country"] in ("c00", "c01") and dims["device"] == "phone"),
        (
            "crossed:x",
            OTHERS,
            lambda dims: dims["country"] not in ("c00", "c01") or dims["device"] != "phone",
        ),
    ],
)
def test_cells__of_a_slice__the_values_of_its_rows(day, dimension, level, keep):
    known, cells = day

    found = [cells[wanted.recipe][dimension][level].value(wanted) for wanted in ALL]

    assert found[:4] == pytest.approx(by_hand(known, keep)[:4], rel=1e-12)
    assert found[4] == pytest.approx(by_hand(known, keep)[4], rel=0.01)


def test_cells__of_all_levels__add_up_to_everybody(day):
    _, cells = day

    for wanted in ALL:
        whole = cells[wanted.recipe][EVERYBODY][EVERYBODY]
        added = total(cells[wanted.recipe]["country"].values())
        assert (added.below, added.histogram) == (whole.below, whole.histogram)
        assert added.above == pytest.approx(whole.above, rel=1e-12)


def test_cells__dimension_that_is_an_id__left_out_and_small_levels_stand_together(day):
    countries = day[1][BUYERS.recipe]["country"]

    assert "request_id" not in day[1][BUYERS.recipe]
    assert len(countries) == 31
    assert {REST, "c00", "c39"} <= countries.keys()


def test_cells__after_a_round_through_json__the_same(day):
    for wanted in ALL:
        for cell in day[1][wanted.recipe]["country"].values():
            assert type(cell).from_json(cell.to_json()) == cell


def test_recipe__new_words__the_same_and_another_filter__another():
    renamed = Wanted(metric(Kind.PROPORTION, tier=BUYERS.metric.tier, backup_owner="eva"))

    assert renamed.recipe == BUYERS.recipe
    assert Wanted(metric(Kind.PROPORTION, "order")).recipe != BUYERS.recipe
