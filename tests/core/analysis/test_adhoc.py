"""The report of a file: the same numbers as scipy on its columns, and what is said about bad questions."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from scipy import stats

from analysis.adhoc.__main__ import main
from analysis.adhoc.looking import Question, answer
from ledger.refusals import Refused

UNITS = 1200
ROOT = Path(__file__).resolve().parents[3]


def rows(seed=6, lift=0.3):
    """Three rows for each unit; the treatment spends more."""
    random = np.random.default_rng(seed)
    units = np.repeat(np.arange(UNITS), 3)
    is_on = np.repeat(random.random(UNITS) < 0.5, 3)
    level = np.repeat(random.gamma(3, 1, UNITS), 3)
    return {
        "user_id": np.char.add("user ", units.astype(str)).tolist(),
        "variant": np.where(is_on, "treatment", "control").tolist(),
        "revenue": (level * random.gamma(2, 5, units.size) * (1 + lift * is_on)).tolist(),
        "bought": (random.random(units.size) < 0.1).tolist(),
        "latency": (100 * random.lognormal(0, 0.5, units.size)).tolist(),
        "errors": random.poisson(0.2, units.size).tolist(),
        "requests": (1 + random.poisson(3, units.size)).tolist(),
        "device": np.repeat(random.choice(["phone", "laptop"], UNITS), 3).tolist(),
    }


@pytest.fixture(scope="module")
def table():
    return rows()


@pytest.fixture(scope="module")
def file(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "visits.parquet"
    pq.write_table(pa.table(table), path)
    return path


def by_unit(table, column, take=np.sum):
    """One value for each unit by arm, computed without the engine."""
    values, arms = np.array(table[column], float).reshape(UNITS, 3), table["variant"][::3]
    per_unit = take(values, axis=1)
    return {arm: per_unit[np.array(arms) == arm] for arm in ("control", "treatment")}


def ask(file, *metrics, **changes):
    settings = {"file": Path(file), "unit": "user_id", "arm": "variant", "metrics": metrics}
    return answer(Question(**{**settings, **changes}))


def fixed(found, metric):
    [arm] = [arm for arm in found.outcome.arms if arm.binding.metric == metric]
    return arm.result.fixed.difference


@pytest.mark.parametrize(
    ("metric", "column", "take"),
    [("revenue:mean", "revenue", np.sum), ("bought:proportion", "bought", np.max)],
)
def test_answer__one_metric__same_as_welch_on_the_units(file, table, metric, column, take):
    values = by_unit(table, column, take)
    expected = stats.ttest_ind(values["treatment"], values["control"], equal_var=False)
    interval = expected.confidence_interval(0.95)

    found = fixed(ask(file, metric), metric)

    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.confidence_interval.lower == pytest.approx(interval.low, rel=1e-9)
    assert found.confidence_interval.upper == pytest.approx(interval.high, rel=1e-9)


def test_answer__count_of_rows__as_many_for_each_unit_so_nothing_to_compare(file):
    assert fixed(ask(file, "device:count"), "device:count").why.value == "no_variation"


def test_answer__ratio__sums_over_sums(file, table):
    errors, requests = by_unit(table, "errors"), by_unit(table, "requests")
    rates = {arm: errors[arm].sum() / requests[arm].sum() for arm in errors}

    found = fixed(ask(file, "errors/requests:ratio:down"), "errors/requests:ratio")

    assert found.estimate == pytest.approx(rates["treatment"] - rates["control"], rel=1e-9)


def test_answer__quantile__over_all_rows_and_a_limit_makes_it_a_guardrail(file, table):
    found = ask(file, "revenue:mean", "latency:p90:down:10%")

    [arm] = [arm for arm in found.outcome.arms if arm.binding.metric == "latency:p90"]
    latencies = np.array(table["latency"])[np.array(table["variant"]) == "control"]
    expected = np.sort(latencies)[int(np.ceil(0.9 * latencies.size)) - 1]
    assert arm.estimates.value("control").value == pytest.approx(expected, rel=1e-12)
    assert (arm.binding.role.value, arm.binding.margin.value) == ("guardrail", 0.1)
    assert found.document["verdict"]["code"] == "SHIP"


def test_answer__slices__of_units(file, table):
    found = ask(file, "revenue:mean", slices=("device",))

    facts = found.outcome.facts.slices.slices
    assert {each.level for each in facts} == {"phone", "laptop"}
    assert sum(each.units for each in facts) == UNITS


def test_answer__csv__same_as_parquet(file, table, tmp_path):
    path = tmp_path / "visits.csv"
    pa.csv.write_csv(pa.table(table), path)

    of_csv, of_parquet = (fixed(ask(of, "revenue:mean"), "revenue:mean") for of in (path, file))

    assert of_csv.p_value == pytest.approx(of_parquet.p_value, rel=1e-9)


def test_answer__units_in_two_arms_and_rows_without__left_out_and_said(table, tmp_path):
    changed = {name: list(values) for name, values in table.items()}
    for place in range(0, 90, 3):
        changed["variant"][place] = "treatment" if changed["variant"][place + 1] == "control" else "control"
    changed["variant"][300], changed["user_id"][303] = None, None
    pq.write_table(pa.table(changed), tmp_path / "visits.parquet")

    found = ask(tmp_path / "visits.parquet", "revenue:mean")

    assert found.left_out == 2
    assert found.outcome.look.readings.enrolment.crossovers == 30
    assert found.document["verdict"]["code"] == "DO NOT USE"


def test_answer__arms_without_a_name_for_control__first_or_the_one_asked_for(table, tmp_path):
    renamed = {**table, "variant": ["blue" if arm == "control" else "red" for arm in table["variant"]]}
    pq.write_table(pa.table(renamed), tmp_path / "visits.parquet")

    one = ask(tmp_path / "visits.parquet", "revenue:mean")
    other = ask(tmp_path / "visits.parquet", "revenue:mean", control="red")

    assert fixed(one, "revenue:mean").estimate > 0
    assert fixed(other, "revenue:mean").estimate == pytest.approx(-fixed(one, "revenue:mean").estimate)


def test_answer__hostile_names__are_names_and_nothing_else(table, tmp_path):
    name = "rev'\"; DROP TABLE t; --"
    renamed = {name if column == "revenue" else column: values for column, values in table.items()}
    pq.write_table(pa.table(renamed), tmp_path / 'it\'s "here".parquet')

    found = ask(tmp_path / 'it\'s "here".parquet', f"{name}:mean")

    assert fixed(found, f"{name}:mean").estimate > 0


@pytest.mark.parametrize(
    ("changes", "metrics", "field", "said"),
    [
        ({"unit": "user"}, ("revenue:mean",), "unit", "no such column"),
        ({"arm": "arm"}, ("revenue:mean",), "arm", "no such column"),
        ({"arm": "user_id"}, ("revenue:mean",), "arm", "another part already"),
        ({"slices": ("country",)}, ("revenue:mean",), "by", "no such column"),
        ({"control": "off"}, ("revenue:mean",), "control", "no such arm"),
        ({"shares": {"control": 0.9}}, ("revenue:mean",), "share", "shares of all arms"),
        ({"alpha": 5.0}, ("revenue:mean",), "alpha", "between 0 and 0.5"),
        ({}, (), "metric", "nothing is to be compared"),
        ({}, ("revenue",), "metric", "no metric"),
        ({}, ("revenue:median",), "metric", "no metric"),
        ({}, ("revenue:p100",), "metric", "no metric"),
        ({}, ("revenue:mean:sideways",), "metric", "neither a direction nor a limit"),
        ({}, ("revenue:mean:-3",), "metric", "no limit"),
        ({}, ("revenue:mean:100%",), "metric", "no limit"),
        ({}, ("revenue:mean", "revenue:mean"), "metric", "twice"),
        ({}, ("errors:ratio",), "metric", "two columns"),
        ({}, ("device:mean",), "metric", "no numbers"),
    ],
)
def test_answer__question_that_does_not_fit__says_field_and_fix(file, changes, metrics, field, said):
    with pytest.raises(Refused) as refused:
        ask(file, *metrics, **changes)

    [problem] = refused.value.problems
    assert problem.field == field
    assert said in problem.reason
    assert problem.fix


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_answer__nan_or_infinity__refused_with_the_column(table, tmp_path, bad):
    pq.write_table(pa.table({**table, "revenue": [bad, *table["revenue"][1:]]}), tmp_path / "v.parquet")

    with pytest.raises(Refused, match=r"revenue.*nan or infinity"):
        ask(tmp_path / "v.parquet", "revenue:mean")


@pytest.mark.parametrize(
    ("name", "content"), [("gone.parquet", None), ("a.txt", b"x"), ("bad.parquet", b"PAR1")]
)
def test_answer__no_such_or_broken_file__refused(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(Refused):
        ask(tmp_path / name, "revenue:mean")


def test_command__markdown__starts_with_the_verdict(file, capsys):
    code = main([str(file), "--unit", "user_id", "--arm", "variant", "--metric", "revenue:mean"])

    assert code == 0
    assert capsys.readouterr().out.startswith("## ▲ SHIP")


def test_command__example_of_the_documentation__prints_what_it_says_and_what_scipy_finds(capsys, monkeypatch):
    page = (ROOT / "docs" / "how-to" / "analyse-a-file.md").read_text(encoding="utf-8")
    [(command, printed)] = re.findall(r"^headway analyse (demo/.+?campaign)\n(.+?)```", page, re.S | re.M)
    rows = pd.read_csv(ROOT / "demo" / "data" / "open_bandit_impressions.csv.gz")
    clicked = rows.groupby(["timestamp", "policy"]).click.max().reset_index()
    arms = (clicked[clicked.policy == policy].click for policy in ("bts", "random"))
    interval = stats.ttest_ind(*arms, equal_var=False).confidence_interval(0.95)
    monkeypatch.chdir(ROOT)

    code = main(shlex.split(command.replace("\\\n", " ")))

    out = capsys.readouterr().out
    assert code == 0
    assert printed.strip() in out.replace("\u202f", " ").replace("  \n", "\n")
    assert f"−{-interval.low * 100:.2f} to +{interval.high * 100:.2f} points" in printed


def test_command__bad_share__exit_code_2_and_the_fix(file, capsys):
    arguments = ["--unit", "user_id", "--arm", "variant", "--metric", "revenue:mean", "--share", "control"]

    code = main([str(file), *arguments])

    assert code == 2
    assert "Write control=0.9" in capsys.readouterr().err


def test_command__fresh_process__no_server_and_no_settings(file):
    command = [sys.executable, "-m", "analysis.adhoc", str(file), "--unit", "user_id", "--arm", "variant"]
    environment = {"PATH": "/usr/bin:/bin"}

    done = subprocess.run(
        [*command, "--metric", "revenue:mean", "--json"],
        capture_output=True, text=True, check=True, env=environment, timeout=120,
    )  # fmt: skip

    assert json.loads(done.stdout)["verdict"]["code"] == "SHIP"
