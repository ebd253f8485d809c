"""Write the golden vectors: `python -m tests.golden.flags.generate`.

Expected answers come from `tests.core.sdk.brute_force`, never from an SDK. Every SDK has to give them;
README.md beside this file says how the files are read.
"""

import json
from pathlib import Path
from random import Random

from tests.core.sdk.brute_force import decide, murmur3_32, operate
from tests.golden.flags.sources import DECISIONS, OPERATORS, UNITS

HERE = Path(__file__).parent
WHOLE = 1_000_000
SPLITS = 60


def main():
    for name, content in everything().items():
        (HERE / name).write_text(content, encoding="utf-8")


def everything():
    """The text of every golden file."""
    return {
        "assignments.json": _written(assignments(), width=1),
        "decisions.json": _written(decisions(), width=3),
        "operators.json": _written(operators(), width=2),
    }


def assignments():
    """Raw buckets of some units, and for many splits one character per unit: the arm, or - outside."""
    random = Random("assignments")
    salts = [0, 1, 2, 2**31 - 1, 2**31, 2**32 - 1]
    buckets = [[salt, [murmur3_32(unit.encode(), salt) for unit in UNITS[:40]]] for salt in salts]
    splits = [_split(number, random) for number in range(SPLITS)]
    return {"units": UNITS, "buckets": buckets, "splits": splits}


def _split(number, random):
    coverage = (0, 1, 1000, 100_000, 500_000, 999_999, WHOLE)[number % 7]
    cuts = sorted(random.sample(range(1, WHOLE), number % 5))
    shares = [high - low for low, high in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    split = {
        "coverage_ppm": coverage,
        "gate_salt": random.randrange(2**32),
        "arm_salt": random.randrange(2**32),
        "arms": [[str(place), share] for place, share in enumerate(shares)],
    }
    return {**split, "expected": "".join(_assigned(split, unit) for unit in UNITS)}


def _assigned(split, unit):
    flag = {
        "on": True,
        "unit_type": "user",
        "variants": {},
        "rules": [{"id": "r", "split": split}],
    }
    document = {"flags": {"f": flag}, "layers": {}, "holdouts": {}, "segments": {}}
    return decide(document, "f", unit, {})[0] or "-"


def decisions():
    """Whole documents with contexts, and what each flag answers."""
    return [
        {
            "about": about,
            "document": document,
            "cases": [
                [flag, unit, attributes, *decide(document, flag, unit, attributes)]
                for flag in [*document["flags"], "unknown"]
                for unit, attributes in contexts
            ],
        }
        for about, document, contexts in DECISIONS
    ]


def operators():
    """[operator, value, attribute, matches]; the verdicts were written by hand and have to agree."""
    for op, value, found, matches in OPERATORS:
        assert operate(op, found, value) is matches, (op, value, found)
    return [list(each) for each in OPERATORS]


def _written(content, width):
    """JSON with a line for everything down to `width` levels, so that diffs can be read."""
    return _lines(content, width) + "\n"


def _lines(content, width, indent=""):
    inner = indent + " "
    if width and isinstance(content, dict):
        items = [f"{inner}{_text(key)}: {_lines(value, width - 1, inner)}" for key, value in content.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if width and isinstance(content, list):
        return (
            "[\n"
            + ",\n".join(f"{inner}{_lines(each, width - 1, inner)}" for each in content)
            + f"\n{indent}]"
        )
    return _text(content)


def _text(content):
    return json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


if __name__ == "__main__":
    main()
