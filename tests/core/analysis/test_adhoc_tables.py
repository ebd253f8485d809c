"""Covariates, caps, tables in memory, and CSV files of which nothing is guessed."""

import gzip
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


def test_analyse__covariate_missing_for_some_units__the_mean_of_the_others_in_its_place(frame):
    gappy = frame.assign(**{"revenue before": frame["revenue before"].where(frame.index % 3 > 0)})
    whole = gappy.fillna({"revenue before": gappy["revenue before"].mean()})
    before = {"revenue": "revenue before"}

    gaps, filled = (
        fixed(ask(of, "revenue:mean", covariates=before), "revenue:mean") for of in (gappy, whole)
    )
    nothing = ask(gappy.assign(**{"revenue before": float("nan")}), "revenue:mean", covariates=before)

    plain = fixed(ask(frame, "revenue:mean"), "revenue:mean")
    assert gaps.estimate == pytest.approx(filled.estimate, rel=1e-12)
    assert gaps.standard_error == pytest.approx(filled.standard_error, rel=1e-12)
    assert gaps.standard_error < 0.97 * plain.standard_error
    assert fixed(nothing, "revenue:mean").estimate == pytest.approx(plain.estimate, rel=1e-12)


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
        (("revenue:mean:cap=1_0",), {}, "is no cap"),
        (("revenue:mean:up:down",), {}, "'down' is one too many"),
        (("revenue:mean:5%:6%",), {}, "'6%' is one too many"),
        (("revenue:mean",), {"shares": {"control": 0.0, "treatment": 1.0}}, "not the shares of all arms"),
        (("revenue:mean",), {"shares": {"control": -0.5, "treatment": 1.5}}, "not the shares of all arms"),
        (("revenue:mean",), {"shares": {"control": np.nan, "treatment": 0.5}}, "not the shares of all arms"),
        (("revenue:mean",), {"by": ["arm"]}, "another part already"),
    ],
)
def test_analyse__options_that_do_not_fit__said(frame, metrics, options, said):
    with pytest.raises(Refused, match=said):
        ask(frame, *metrics, **options)


def test_analyse__no_table__refused():
    with pytest.raises(Refused, match="this is no table"):
        ask(5, "revenue:mean")


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"revenue": 1e200}, "metric", "too large to square"),
        ({"revenue": -np.inf}, "metric", "nan or infinity"),
        ({"arm": None}, "arm", "no row names a unit and an arm"),
        ({"arm": "control"}, "arm", "1 different values: 'control'"),
        ({"arm": [("b ", "B")[n % 2] for n in range(800)]}, "arm", "'B' and 'b ' differ only in case"),
        ({"arm": range(800)}, "arm", "at least 100 different values"),
    ],
)
def test_analyse__values_that_cannot_be_compared__said(frame, change, field, said):
    with pytest.raises(Refused, match=said) as refused:
        ask(frame.assign(**change), "revenue:mean")

    assert refused.value.problems[0].field == field


def test_analyse__missing_values__noted_beside_the_report(frame):
    some = frame.assign(revenue=frame.revenue.where(frame.index % 4 > 0))
    expected = some.fillna({"revenue": 0.0}).groupby("arm").revenue.mean()

    found = ask(some, "revenue:mean", "revenue:p90", "visits:count")

    estimates = found.outcome.arms[0].estimates
    assert estimates.value("control").value == pytest.approx(expected["control"], rel=1e-9)
    assert [note.partition(";")[0] for note in found.notes] == [
        '200 of 800 rows have no value in "revenue"',
        '200 of 800 rows have no value in "revenue"',
        '"visits:count" counts rows, and every unit has one',
    ]
    assert "counts as 0" in found._repr_markdown_()


def test_analyse__denominator_of_nothing__no_number_and_why(frame):
    found = ask(frame.assign(visits=0), "revenue/visits:ratio", "revenue:mean")

    assert "no number, its denominator is not above zero in the control" in found.markdown


def test_analyse__column_with_a_colon_and_one_name_for_a_list__understood(frame):
    renamed = frame.rename(columns={"revenue": "shop:revenue"})

    found = analyse(renamed, unit="shop", arm="arm", metrics="shop:revenue:mean", by="bought")

    assert (
        fixed(found, "shop:revenue:mean").estimate
        == fixed(ask(frame, "revenue:mean"), "revenue:mean").estimate
    )


def test_analyse__folder_of_parquet__all_its_files(frame, tmp_path):
    (tmp_path / "t.parquet").mkdir()
    for n, part in enumerate((frame[:300], frame[300:])):
        part.to_parquet(tmp_path / "t.parquet" / f"part-{n}.parquet")

    found = fixed(ask(tmp_path / "t.parquet", "revenue:mean"), "revenue:mean")

    assert found.estimate == pytest.approx(
        fixed(ask(frame, "revenue:mean"), "revenue:mean").estimate, rel=1e-12
    )


def test_analyse__folder_without_parquet__refused(tmp_path):
    with pytest.raises(Refused, match="this folder holds no"):
        ask(tmp_path, "revenue:mean")


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


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + lines(range(8)).replace(",", ";"), id="79 mark, semicolons"),
        pytest.param(lines(range(8)).replace("\n", "\r\n"), id="CRLF"),
        pytest.param(lines(range(8)).replace("id,arm,x", " id , arm,x "), id="91 header with spaces"),
        pytest.param("," + lines(range(8)).replace("\n", "\n0,", 8), id="column without a name"),
        pytest.param(lines(range(8)).replace(",x", ',"x"') + "\n\n", id="blank lines at the end"),
    ],
)
def test_csv__harmless_habits__read_as_meant(tmp_path, text):
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
        pytest.param(lines("ab").encode("utf-16"), "byte 1 of line 1 is not UTF-8", id="80 UTF-16"),
        pytest.param(
            lines("ab").encode() + b"\xe9,control,1\n", "byte 1 of line 4 is not UTF-8", id="80 Latin-1"
        ),
        pytest.param(lines("ab") + "c\0,control,1\n", "byte 2 of line 4 is a NUL byte", id="89 NUL"),
        pytest.param(lines("ab").replace("\n", "\r"), "carriage return alone", id="CR"),
        pytest.param(lines("abc").replace("\n", "\r\n", 2), "some lines end in CRLF", id="mixed ends"),
        pytest.param(lines("ab") + f"c,control,{'x' * 3_000_000}\n", "line size", id="92 huge cell"),
        pytest.param(lines("ab") + "c,control,1e999\n", "row 4 of column .x. is no number", id="85 1e999"),
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
        pytest.param("id,arm,x\n", "no row names a unit and an arm", id="91 header only"),
        pytest.param(lines("ab") + "c,control,=1+1\n", "is no number", id="93 formula"),
    ],
)
def test_csv__bad_file__said_with_the_row(tmp_path, text, said):
    with pytest.raises(Refused, match=said):
        answer(csv(tmp_path, text))


@pytest.mark.parametrize(
    "raw",
    [b"no gzip", gzip.compress(lines("ab").encode() * 99, mtime=0)[:-9]],
    ids=["another format", "cut off"],
)
def test_csv__broken_gzip__refused(tmp_path, raw):
    with pytest.raises(Refused, match="cannot be unpacked"):
        answer(csv(tmp_path, raw, "t.csv.gz"))


def test_csv__name_of_a_column_is_hostile__a_name_and_nothing_else(tmp_path):
    name = "x\"'); DROP TABLE file; --"
    question = csv(tmp_path, lines(range(8)).replace("x", '"' + name.replace('"', '""') + '"', 1))

    found = answer(Question(question.file, "id", "arm", (f"{name}:mean",)))

    assert found.outcome.arms[0].estimates.value("control").value == 3.5


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
