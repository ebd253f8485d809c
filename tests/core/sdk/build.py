"""Documents and flags for tests of the SDK."""


def document(flags=None, **parts):
    """A configuration document; `parts` replace its fields."""
    whole = {
        "schema": 1,
        "environment": "production",
        "version": 1,
        "built_at": "2026-11-23T10:00:00Z",
        "layers": {},
        "holdouts": {},
        "segments": {},
        "flags": flags or {},
    }
    return {**whole, **parts}


def flag(rules=(), **fields):
    """A text flag with control and treatment."""
    whole = {
        "version": 1,
        "type": "string",
        "unit_type": "user",
        "on": True,
        "variants": {"control": "c", "treatment": "t"},
        "off": "control",
        "default": "control",
        "rules": list(rules),
    }
    return {**whole, **fields}


def split(
    coverage_ppm=1_000_000, arms=(("control", 500_000), ("treatment", 500_000)), gate=11, arm=12, **rule
):
    """A rule that draws."""
    drawn = {
        "coverage_ppm": coverage_ppm,
        "gate_salt": gate,
        "arm_salt": arm,
        "arms": [list(each) for each in arms],
    }
    return {"id": "split", "split": drawn, **rule}


def when(attribute, op, value=True):
    return {"attribute": attribute, "op": op, "value": value}


def targeting(condition, variant="treatment", id="target"):
    return {"id": id, "when": condition, "variant": variant}


def experiment(**rule):
    """A flag with a whole 50/50 experiment."""
    return flag([split(experiment="an-experiment", **rule)])
