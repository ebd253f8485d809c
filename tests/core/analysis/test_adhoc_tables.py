"""Covariates, caps, tables in memory, and CSV files of which nothing is guessed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis.adhoc import analyse
from analysis.adhoc.__main__ import main
from analysis.adhoc.looking import Question, answer
from analysis.stats.adjusted import cuped
from analysis.stats.compare import difference
from analysis.stats.moments import Moments
from ledger.refusals import Refused
from tests.core.analysis.test_adhoc import fixed

ARMS = ("control", "treatment")


@pytest.fixture(scope="module")
def frame():
    random = np.random.default_rng(11)
    level = random.gamma(3, 4, 800)
    return pd.DataFrame(
        {
            "shop": [f"shop {n}" for n in range(800)],
            "arm": random.choice(ARMS, 800),
            "revenue": level * random.gamma(5, 1, 800),
            "visits": random.poisson(level),
            "bought": random.random(800) < 0.2,
            "revenue before": level * random.gamma(5, 1, 800),
            "visits before": random.poisson(level),
        }
    )


def ask(data, *metrics, **options):
    return analyse(data, unit="shop", arm="arm", metrics=metrics, **options)


def test_analyse__covariate__same_as_cuped_on_the_columns(frame):
    rows = {arm: frame[frame.arm == arm][["revenue", "revenue before"]].to_numpy() for arm in ARMS}
    expected = difference(*cuped([Moments.from_rows(rows[arm]) for arm in ARMS], covariates=(1,)))

    found = fixed(ask(frame, "revenue:mean", covariates={"revenue": "revenue before"}), "revenue:mean")
    plain = fixed(ask(frame, "revenue:mean"), "revenue:mean")

    assert found.estimate == pytest.approx(expected.estimate, rel=1e-9)
    assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-9)
    assert found.standard_error < 0.9 * plain.standard_error


def test_analyse__covariates_of_a_ratio__narrower(frame):
    both = {"revenue": "revenue before", "visits": "visits before"}

    found = fixed(ask(frame, "revenue/visits:ratio", covariates=both), "revenue/visits:ratio")
    plain = fixed(ask(frame, "revenue/visits:ratio"), "revenue/visits:ratio")

    assert found.standard_error < plain.standard_error


@pytest.mark.parametrize("cap", [60.0, "p95"])
def test_analyse__cap__same_limit_for_both_arms(frame, cap):
    values = np.sort(frame.revenue)
    limit = cap if cap == 60.0 else values[int(np.ceil(0.95 * values.size)) - 1]
    capped = frame.revenue.clip(upper=limit)
    expected = capped[frame.arm == "treatment"].mean() - capped[frame.arm == "control"].mean()

    found = fixed(ask(frame, f"revenue:mean:cap={cap}"), "revenue:mean")

    assert found.estimate == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.Table])
def test_analyse__table_in_memory__same_as_its_file(frame, kind, tmp_path):
    frame.to_parquet(tmp_path / "t.parquet")
    data = frame if kind is pd.DataFrame else pa.Table.from_pandas(frame)

    of_table, of_file = (
        fixed(ask(of, "bought:proportion"), "bought:proportion") for of in (data, tmp_path / "t.parquet")
    )

    assert of_table == of_file


def test_answer__in_a_notebook__shown_as_the_report(frame):
    found = ask(frame, "revenue:mean", "visits:mean:down:5%")

    assert found._repr_markdown_().startswith("## ")
    assert "visits" in found.markdown


@pytest.mark.parametrize(
    ("metrics", "options", "said"),
    [
        (
            ("revenue:mean",),
            {"covariates": {"spend": "visits"}},
            "no mean, proportion or ratio of this column",
        ),
        (("revenue:mean",), {"covariates": {"revenue": "gone"}}, "no such column"),
        (("revenue:mean",), {"covariates": {"revenue": "shop"}}, "no numbers"),
        (("visits:count",), {"covariates": {"visits": "visits before"}}, "no mean, proportion or ratio"),
        (("revenue/visits:ratio",), {"covariates": {"revenue": "revenue before"}}, "both its columns"),
        (("bought:proportion:cap=1",), {}, "a proportion has no cap"),
        (("revenue:mean:cap=p20",), {}, "is no cap"),
        (("revenue:mean:cap=-1",), {}, "is no cap"),
    ],
)
def test_analyse__options_that_do_not_fit__said(frame, metrics, options, said):
    with pytest.raises(Refused, match=said):
        ask(frame, *metrics, **options)


def test_analyse__no_table__refused():
    with pytest.raises(Refused, match="this is no table"):
        ask(5, "revenue:mean")


def test_command__covariate__taken(frame, tmp_path, capsys):
    frame.to_csv(tmp_path / "t.csv", index=False)
    asked = [str(tmp_path / "t.csv"), "--unit", "shop", "--arm", "arm", "--metric", "revenue:mean:cap=p99"]

    assert main([*asked, "--covariate", "revenue=revenue before"]) == 0
    assert main([*asked, "--covariate", "revenue"]) == 2
    assert "Write revenue=revenue_before" in capsys.readouterr().err


def csv(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Question(Path(path), unit="id", arm="arm", metrics=("x:mean",))


def lines(ids):
    return "id,arm,x\n" + "".join(f"{each},{ARMS[n % 2]},{n}.5\n" for n, each in enumerate(ids))


def test_csv__ids__are_text_as_they_stand(tmp_path):
    ids = ["007", "7", "1E5", "100000.0", "NULL", "None", "NA", "nan", "9" * 23, "9" * 22 + "8", "a", "A"]

    found = answer(csv(tmp_path, lines(ids)))

    assert sum(found.outcome.look.readings.enrolment.units.values()) == len(ids)
    assert found.left_out == 0


def test_csv__byte_order_mark_and_semicolons__read_as_meant(tmp_path):
    text = "\ufeff" + lines(range(8)).replace(",", ";")

    found = answer(csv(tmp_path, text))

    assert sum(found.outcome.look.readings.enrolment.units.values()) == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            lines("ab") + "c,control,\u00e9\n".encode("latin-1").decode("latin-1") + "d,control,1,5\n",
            "cannot be read",
            id="81 ragged",
        ),
        pytest.param(lines("ab").encode("utf-16"), "UTF-8|cannot be read", id="80 UTF-16"),
        pytest.param(lines("ab").encode() + b"\xe9,control,1\n", "cannot be read", id="80 Latin-1"),
        pytest.param("id,arm,X,x\na,control,1,2\n", "two columns have this name", id="82 duplicate header"),
        pytest.param(
            "id;arm;x\na;control;1,5\nb;treatment;2,5\n",
            "row 2 of column .x. is no number",
            id="83 decimal comma",
        ),
        pytest.param(
            lines("ab") + 'c,control,"1,234"\n', "row 4 of column .x. is no number", id="84 thousands"
        ),
        pytest.param(lines("ab") + "c,control,inf\n", "row 4 of column .x. is no number", id="85 infinity"),
        pytest.param(lines("ab") + 'c,control,"1\n', "cannot be read", id="88 unterminated quote"),
        pytest.param(lines("ab") + "c,control,03/04/2026\n", "is no number", id="90 date"),
        pytest.param("", "it is empty", id="91 empty"),
        pytest.param("id,arm,x\n", "0 different values", id="91 header only"),
        pytest.param(lines("ab") + "c,control,=1+1\n", "is no number", id="93 formula"),
    ],
)
def test_csv__bad_file__said_with_the_row(tmp_path, text, said):
    with pytest.raises(Refused, match=said):
        answer(csv(tmp_path, text))


def test_csv__many_bad_cells__the_first_twenty(tmp_path):
    text = "id,arm,x\n" + "".join(f"{n},{ARMS[n % 2]},bad\n" for n in range(99))

    with pytest.raises(Refused) as refused:
        answer(csv(tmp_path, text))

    assert [problem.line for problem in refused.value.problems] == list(range(2, 22))


def test_csv__words_for_truth__understood_for_proportions(tmp_path):
    text = "id,arm,x\n" + "".join(
        f"{n},{ARMS[n % 2]},{'yes' if n % 4 == 0 else 'False'}\n" for n in range(40)
    )
    question = csv(tmp_path, text)

    found = answer(Question(question.file, "id", "arm", ("x:proportion",)))

    estimates = found.outcome.arms[0].estimates
    assert (estimates.value("control").value, estimates.value("treatment").value) == (0.5, 0.0)
