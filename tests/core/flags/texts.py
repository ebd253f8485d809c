"""Definitions for tests: a complete boolean flag with keyword overrides."""

DE = {"attribute": "country", "op": "in", "value": ["de", "at"]}


def definition(**changes):
    return {
        "type": "bool",
        "unit_type": "user",
        "on": True,
        "variants": {"on": True, "off": False},
        "off": "off",
        "default": "off",
        "forced": {},
        "prerequisites": [],
        "rules": [],
        **changes,
    }


def split(key="r1", coverage_ppm=500_000, treatment_ppm=1_000_000, **changes):
    """A rule that splits units between off and on."""
    arms = [["off", 1_000_000 - treatment_ppm], ["on", treatment_ppm]]
    part = {"coverage_ppm": coverage_ppm, "gate_salt": 11, "arm_salt": 12, "arms": arms}
    return {"id": key, "split": part, **changes}


def fixed(key="r1", variant="on", **changes):
    return {"id": key, "variant": variant, **changes}


def in_layer(low, high, key="checkout"):
    return {"key": key, "slots": [[low, high]]}
