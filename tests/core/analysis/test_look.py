"""Which tables stand in a partition when, and what the engine loads for it."""

import pickle
import subprocess
import sys
from pathlib import Path

from ibis.expr.operations import UnboundTable

from analysis.engines.look import Look
from tests.core.analysis import store, world

ROOT = Path(__file__).resolve().parents[3]
READ = """
import pickle, sys
from pathlib import Path
from analysis.engines.duckdb import DuckDBEngine
folder = Path(sys.argv[1])
plan, files = pickle.loads((folder / "asked").read_bytes())
assert sum(DuckDBEngine(folder).read(plan, files, {}).enrolment.units.values()) > 0
print([name for name in ("pandas", "pyarrow", "django") if name in sys.modules])
"""


class Partition:
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def keep(self, name, statement):
        self.told.append(f"keep {name}")

    def drop(self, name):
        self.told.append(f"drop {name}")

    def rows(self, statement):
        self.told.append(statement)
        return {"n": [len(self.told)]}


class Backend:
    def __init__(self):
        self.partitions = [Partition(), Partition()]

    def total(self, value):
        return value.sum()

    def compile(self, expression):
        is_kept = isinstance(expression.op(), UnboundTable)
        return f"ask {expression.get_name()}" if is_kept else "made"

    def each(self, work):
        return [work(partition) for partition in self.partitions]


def test_visit__nothing_held__each_partition_makes_asks_and_drops():
    backend = Backend()
    look = Look(world.plan(dimensions=()), backend)
    questions = [[look.question(look.assigned), look.question(look.units)], []]

    [[assigned, units], []] = look.visit(questions)

    names = [name for name in backend.partitions[0].told if name.startswith("keep")]
    for partition in backend.partitions:
        assert partition.told[: len(names)] == names
        assert partition.told[len(names) : len(names) + 2] == ["ask assigned", "ask units"]
        assert sorted(partition.told[len(names) + 2 :]) == sorted(n.replace("keep", "drop") for n in names)
    assert [rows["n"] for rows in assigned] == [[len(names) + 1]] * 2
    assert [rows["n"] for rows in units] == [[len(names) + 2]] * 2


def test_visit__some_held__those_are_made_once_and_stay():
    backend = Backend()
    look = Look(world.plan(), backend)
    look.hold("assigned")

    look.visit([[look.question(look.units)]])

    for partition in backend.partitions:
        assert partition.told[0] == "keep assigned"
        assert partition.told.count("keep assigned") == 1
        assert "drop assigned" not in partition.told
        assert partition.told[-1] == "drop units"


def test_visit__all_held__nothing_is_dropped():
    backend = Backend()
    look = Look(world.plan(), backend)
    look.hold_all()

    look.visit([[look.question(look.units)]])

    assert all(partition.told[-1] == "ask units" for partition in backend.partitions)


def test_read__files_of_the_store__neither_pandas_nor_pyarrow_loaded(tmp_path):
    files = store.write(tmp_path, *world.rows(units=20))
    (tmp_path / "asked").write_bytes(pickle.dumps((world.plan("spend"), files)))

    done = subprocess.run(
        [sys.executable, "-c", READ, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout == "[]\n", done.stderr
