"""Answers of a server, with keyword overrides."""

SPLIT = {"coverage_ppm": 100_000, "arms": [["on", 1_000_000]], "gate_salt": 11, "arm_salt": 12}


def definition(**changes):
    whole = {
        "type": "bool",
        "unit_type": "user",
        "on": True,
        "variants": {"on": True, "off": False},
        "off": "off",
        "default": "off",
        "forced": {},
        "prerequisites": [],
        "rules": [],
    }
    return {**whole, **changes}


def flag(**changes):
    whole = {
        "title": "New checkout",
        "owner": "rosa",
        "kind": "release",
        "type": "bool",
        "unit_type": "user",
        "expires_on": None,
        "version": 3,
        "checksum": "c",
        "definition": definition(),
        "has_draft": False,
        "is_held": False,
        "ramp": None,
        "elsewhere": [],
    }
    return {**whole, **changes}


def state(**changes):
    whole = {
        "environment": "production",
        "document_version": 7,
        "layers": {},
        "segments": {},
        "flags": {},
        "unserved": [],
        "archived": [],
    }
    return {**whole, **changes}


def whoami(scope="admin"):
    return {
        "name": "key:build",
        "is_key": True,
        "scope": scope,
        "environment": "production",
        "environments": ["production"],
    }
