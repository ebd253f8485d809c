"""Text that people write reaches every engine as literals and names only: whatever they write, the statement
keeps the shape it has with harmless words."""

from dataclasses import replace
from importlib.util import find_spec

import ibis
import pytest
import sqlglot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from analysis.engines import mapped, postgres
from analysis.engines.contract import Group
from analysis.engines.duckdb import DuckDBEngine
from analysis.engines.own_files import DUCKDB
from analysis.plan import planned_metric
from analysis.sources.definition import EventTable, ExposureTable, SourceDefinition, SourceKind
from analysis.unit_values import assigned, exposed, stream_rows, unit_rows
from metrics.definitions import Cap, Kind, Measure, Source
from tests.core.analysis import store, world

HOSTILE = (
    "'; DROP TABLE events; --",
    '"; DELETE FROM exposures; --',
    "x' OR 1=1 --",
    "/* */ UNION SELECT * FROM pg_authid --",
    "read_csv('/etc/passwd')",
    "\\' OR true --",
    "\\",
    "$$; SELECT 1; $$",
    "%s {0} :name ?",
    "`; DROP TABLE events",
    "line\nbreak",
    "E'\\x41'",
)
TEXT = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.text("'\"\\;-/*$`%", min_size=1, max_size=12),
)
DIALECTS = {
    "duckdb": lambda rows: str(ibis.to_sql(rows, dialect="duckdb")),
    "postgres": postgres.compiled,
}
if find_spec("pyspark"):
    DIALECTS["spark"] = lambda rows: str(ibis.pyspark.compile(rows))


def plan(event, name, value):
    """A plan in which every text is somebody's."""
    metrics = (
        replace(
            world.definition("a", Kind.MEAN, event, where=((name, value),), cap=Cap(percentile=95)),
            covariate_days=7,
        ),
        world.definition("b", Kind.RATIO, event, denominator=Source(event, Measure.COUNT, ((name, value),))),
        world.definition("c", Kind.QUANTILE, event, quantile=0.9, where=((name, value),)),
    )
    return world.plan(
        metrics=tuple(map(planned_metric, metrics)),
        experiment=value,
        unit_type=event,
        variants=(f"{value}-", f"{value}+"),
        filters=((name, value),),
        dimensions=(name,),
    )


def statements(of, dialect):
    """All that is asked for the units of a plan."""
    write = DIALECTS[dialect]
    seen = exposed(of)
    units = assigned(of, ibis.table(seen.schema(), name="exposed"))
    kept = ibis.table(units.schema(), name="assigned")
    rows = [seen, units, unit_rows(of, kept, lambda value: value.sum())]
    rows += [stream_rows(of, stream, kept) for stream in of.streams]
    return [write(each) for each in rows]


def shape(statement, dialect):
    """The statement's tree without the contents of its texts and names."""
    parsed = sqlglot.parse(statement, dialect=dialect)
    assert len(parsed) == 1, "one statement became several"
    return repr(parsed[0].transform(_blank))


def _blank(node):
    # The parser of this test takes the key of a JSON function for a path.
    if isinstance(node, exp.JSONPath) or (isinstance(node, exp.Literal) and node.is_string):
        return exp.Literal.string("text")
    if isinstance(node, exp.Identifier):
        assert node.quoted or node.name.isidentifier(), node
        return exp.to_identifier("name", quoted=True)
    return node


@settings(max_examples=25, deadline=None, derandomize=True)
@given(event=TEXT, name=TEXT, value=TEXT, dialect=st.sampled_from(sorted(DIALECTS)))
@example("'", "\\", "\\'", max(DIALECTS))
@example("\\", "\\", "\\", max(DIALECTS))
def test_statements__whatever_is_written_in_a_metric__keep_their_shape(event, name, value, dialect):
    harmless = statements(plan("event", "name", "value"), dialect)

    hostile = statements(plan(event, name, value), dialect)

    for found, expected in zip(hostile, harmless, strict=True):
        assert shape(found, dialect) == shape(expected, dialect)


def hostile_rows():
    """Twelve units that have an event of every hostile name with a dim of that name and value, the treatment
    twice; each has another one that says so only almost. One unit lacks the dim that the plan filters by."""
    exposures, events = [], []
    for unit in range(13):
        is_on = unit % 2 == 1
        dims = {HOSTILE[0]: HOSTILE[0]} if unit < 12 else {HOSTILE[0]: "other"}
        exposures.append(
            store.exposure(unit, HOSTILE[1 + is_on], store.at(1), experiment=HOSTILE[3], dims=dims)
        )
        for text in HOSTILE:
            same = [store.event(unit, text, store.at(2), 1.0, dims={text: text}) for _ in range(1 + is_on)]
            events += [*same, store.event(unit, text, store.at(2), 1.0, dims={text: f"{text} "})]
    return exposures, events


def test_read__hostile_texts_in_every_place__are_texts_like_any_other(tmp_path):
    definitions = [
        world.definition(str(n), Kind.COUNT, text, value=Measure.COUNT, where=((text, text),))
        for n, text in enumerate(HOSTILE)
    ]
    asked = world.plan(
        metrics=tuple(map(planned_metric, definitions)),
        experiment=HOSTILE[3],
        variants=HOSTILE[1:3],
        filters=((HOSTILE[0], HOSTILE[0]),),
        dimensions=(),
    )

    found = DuckDBEngine(tmp_path).read(asked, store.write(tmp_path, *hostile_rows()), {})

    assert found.enrolment.units == {Group("control"): 6, Group("treatment"): 6}
    for metric in asked.metrics:
        means = [found.moments[metric.vector][Group(arm)].mean[0] for arm in ("control", "treatment")]
        assert means == [1.0, 2.0]


def source(column, text):
    """Own tables whose names, columns and words are all somebody's."""
    exposures = ExposureTable(
        "a",
        f"{column}1",
        f"{column}2",
        f"{column}3",
        f"{column}4",
        ((text, f"{text}!"),),
        ((text, f"{column}5"),),
    )
    events = EventTable("b", f"{column}1", f"{column}3", text, "", f"{column}6", ((text, f"{column}5"),))
    return SourceDefinition("s", "S", SourceKind.POSTGRES, exposures, (events,))


def views(column, text, dialect):
    types = dict.fromkeys([f"{column}{n}" for n in (1, 2, 4, 5)], "string")
    columns = ibis.schema({**types, f"{column}3": "timestamp", f"{column}6": "float64"})
    tables = {"a": ibis.table(columns, name=f"{column}a"), "b": ibis.table(columns, name=f"{column}b")}
    on = postgres.POSTGRES if dialect == "postgres" else DUCKDB
    asked, of = plan(text, text, text), source(column, text)
    write = DIALECTS[dialect]
    return [write(mapped.exposures(of, tables, asked, on)), write(mapped.events(of, tables, asked, on))]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(column=TEXT, text=TEXT, dialect=st.sampled_from(["duckdb", "postgres"]))
def test_views__whatever_tables_and_columns_are_called__keep_their_shape(column, text, dialect):
    harmless = views("column", "text", dialect)

    hostile = views(column, text, dialect)

    for found, expected in zip(hostile, harmless, strict=True):
        assert shape(found, dialect) == shape(expected, dialect)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_shape__text_that_did_break_out__would_be_seen(dialect):
    safe = "SELECT * FROM events WHERE name = 'x'"
    broken = "SELECT * FROM events WHERE name = 'x' OR 1 = 1"

    assert shape(safe, dialect) != shape(broken, dialect)
    with pytest.raises(AssertionError, match="several"):
        shape(f"{safe}; DROP TABLE events", dialect)
