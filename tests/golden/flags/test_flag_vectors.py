"""The Python SDK gives every answer of the golden vectors, cold and hot, and the vectors are the oracle's."""

import json
from pathlib import Path

import pytest

from headway.evaluation import bucket, compile_config
from headway.evaluation.config import HOT_AFTER
from tests.core.sdk.build import document, flag, targeting
from tests.golden.flags import generate

HERE = Path(__file__).parent


def _read(name):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["assignments.json", "decisions.json", "operators.json"])
def test_golden_file__written_again__the_same(name):
    assert generate.everything()[name] == (HERE / name).read_text(encoding="utf-8")


def test_golden_files__size_and_number__as_promised():
    whole = _read("assignments.json")

    assert len(whole["splits"]) * len(whole["units"]) >= 10_000
    assert sum(path.stat().st_size for path in HERE.glob("*.json")) <= 400_000


def test_buckets__every_vector__same():
    whole = _read("assignments.json")

    for salt, buckets in whole["buckets"]:
        assert [bucket(unit, salt) for unit in whole["units"][: len(buckets)]] == buckets


def test_assignments__every_vector__same_cold_and_hot():
    whole = _read("assignments.json")
    for number, vector in enumerate(whole["splits"]):
        expected = vector.pop("expected")
        variants = {arm: arm for arm, _ in vector["arms"]}
        entry = flag([{"id": "r", "split": vector}], variants=variants, off=None, default=None)
        config = compile_config(document({"f": entry}))

        for _ in range(2):
            answers = [config.evaluate("f", unit).variant or "-" for unit in whole["units"]]
            assert "".join(answers) == expected, number


def test_operators__every_vector__same_cold_and_hot():
    for op, value, found, matches in _read("operators.json"):
        condition = {"attribute": "a", "op": op, "value": value}
        config = compile_config(document({"f": flag([targeting(condition)])}))
        contexts = [{"a": found}, {}] if found is None else [{"a": found}]
        for attributes in contexts * (HOT_AFTER + 2):
            answer = config.evaluate("f", "user-1", attributes)
            assert (answer.reason == "TARGETING_MATCH") is matches, (op, value, found)


def test_decisions__every_vector__same_cold_and_hot():
    for whole in _read("decisions.json"):
        config = compile_config(whole["document"])
        for _ in range(3):
            for key, unit, attributes, variant, reason in whole["cases"]:
                answer = config.evaluate(key, unit, attributes, "own")
                assert (answer.variant, answer.reason) == (variant, reason), (key, unit, attributes)
                expected = "own" if variant is None else whole["document"]["flags"][key]["variants"][variant]
                assert answer.value == expected
