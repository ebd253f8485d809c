"""Hypothesis strategies: configuration documents, units and attributes that mean something to each other."""

from hypothesis import strategies as st

from tests.core.sdk.build import document

NAMES = ["country", "age", "version", "beta", "ip", "at", "device_id"]
TEXTS = st.sampled_from(
    [
        "",
        "de",
        "at",
        "fr",
        "1",
        "1.0",
        "2.10.1",
        "v2.10",
        "2.0.0-beta.1",
        "2.0.0-beta.11",
        "10.0.0.7",
        "::ffff:10.1.1.1",
        "2001:db8::1",
        "2026-01-01T00:00:00Z",
        "2026-01-01T01:00:00.5+01:00",
        "true",
        "é",
        "😀",
        "user-1",
    ]
)
NUMBERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([0.5, 1.0, -0.0, 1e300, 2**53, 2**70, float("nan"), float("inf")])
)
VALUES = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none(), st.just([1]), st.just({"a": 1}))
ATTRIBUTES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=7)
UNITS = st.one_of(
    st.integers(-5, 40).map(lambda number: f"user-{number}"),
    st.sampled_from(["", "é", "😀", "qa", "x" * 512, "x" * 513, "\ud800", "1"]),
    st.integers(-2, 2),
    st.sampled_from([None, True, 1.5, b"qa"]),
)
SALTS = st.sampled_from([0, 1, 2, 3, 2**32 - 1])
PPM = st.sampled_from([0, 1, 100_000, 500_000, 999_999, 1_000_000])
FINITE = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, 1.0, 1e9]))
SCALARS = st.one_of(TEXTS, FINITE, st.booleans())
SOME_TEXT = TEXTS.filter(bool)
VERSIONS = st.sampled_from(["1", "1.0", "2.0.0-beta.2", "2.0.0", "2.10.1"])
INSTANTS = st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.500Z", "2025-06-01T00:00:00+02:00"])
NETWORKS = st.sampled_from(["10.0.0.0/8", "10.0.0.7", "2001:db8::/32", "0.0.0.0/0"])
PATTERNS = st.sampled_from(["^d", "[0-9]+", r"\.1$", "(a|d)[et]", "."])


def _leaf(op, values):
    return st.fixed_dictionaries(
        {"attribute": st.sampled_from([*NAMES, "$unit"]), "op": st.sampled_from(op), "value": values}
    )


LEAVES = st.one_of(
    _leaf(["equals", "not_equals"], SCALARS),
    _leaf(["in", "not_in"], st.lists(SCALARS, min_size=1, max_size=4)),
    _leaf(
        ["starts_with", "ends_with", "contains"],
        st.one_of(SOME_TEXT, st.lists(SOME_TEXT, min_size=1, max_size=2)),
    ),
    _leaf(["matches"], PATTERNS),
    _leaf(["gt", "gte", "lt", "lte"], FINITE),
    _leaf(["semver_eq", "semver_gt", "semver_gte", "semver_lt", "semver_lte"], VERSIONS),
    _leaf(["before", "after"], INSTANTS),
    _leaf(["in_network"], st.one_of(NETWORKS, st.lists(NETWORKS, min_size=1, max_size=2))),
    _leaf(["exists"], st.booleans()),
)


def conditions(segments=()):
    leaves = st.one_of(LEAVES, *[st.just({"segment": key}) for key in segments])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"not": inner}),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        ),
        max_leaves=5,
    )


@st.composite
def arms(draw):
    names = draw(
        st.lists(st.sampled_from(["control", "treatment", "other"]), min_size=1, max_size=3, unique=True)
    )
    shares = [draw(st.sampled_from([0, 200_000, 333_333])) for _ in names[1:]]
    return [[name, share] for name, share in zip(names, [1_000_000 - sum(shares), *shares], strict=True)]


@st.composite
def rules(draw, number, with_layers=True):
    rule = {"id": f"r{number}"}
    if draw(st.booleans()):
        rule["when"] = draw(conditions(["seg-a", "seg-b"]))
    if draw(st.booleans()):
        gate, arm = draw(st.lists(SALTS, min_size=2, max_size=2, unique=True))
        rule["split"] = {"coverage_ppm": draw(PPM), "gate_salt": gate, "arm_salt": arm, "arms": draw(arms())}
    else:
        rule["variant"] = draw(st.sampled_from(["control", "treatment"]))
    if draw(st.booleans()):
        rule["experiment"] = "an-experiment"
    if draw(st.booleans()):
        rule["holdouts"] = draw(st.sampled_from([["held"], ["over"], []]))
    origin = draw(st.sampled_from(["unit", "unit", "layer", "attribute"]))
    if origin == "attribute":
        rule["unit_from"] = "device_id"
    if origin == "layer" and with_layers:
        rule["experiment"] = "an-experiment"
        slots = draw(st.sampled_from([[[0, 500_000]], [[100_000, 200_000], [300_000, 1_000_000]]]))
        rule["layer"] = {"key": draw(st.sampled_from(["layer-a", "layer-b"])), "slots": slots}
    return rule


@st.composite
def flags(draw, prerequisites=True):
    made = {
        "version": draw(st.integers(0, 9)),
        "type": "string",
        "unit_type": "user",
        "on": draw(st.sampled_from([True, True, True, False])),
        "variants": {"control": "c", "treatment": "t", "other": "o"},
        "off": draw(st.sampled_from(["control", None])),
        "default": draw(st.sampled_from(["control", None])),
        "rules": [draw(rules(number)) for number in range(draw(st.integers(0, 4)))],
    }
    if draw(st.booleans()):
        made["forced"] = {"qa": "treatment", "1": "control"}
    if prerequisites and draw(st.booleans()):
        made["prerequisites"] = [{"flag": "first", "variants": ["treatment", "control"]}]
    return made


@st.composite
def documents(draw):
    """A document with a flag `main` that may want the flag `first`."""
    holdout = {"unit_type": draw(st.sampled_from(["user", "device"])), "salt": draw(SALTS)}
    layers = draw(st.sampled_from([None, ["layer-a"], ["layer-a", "layer-b"]]))
    return document(
        {"first": draw(flags(prerequisites=False)), "main": draw(flags())},
        layers={
            "layer-a": {"unit_type": "user", "salt": draw(SALTS)},
            "layer-b": {"unit_type": "user", "salt": draw(SALTS)},
        },
        holdouts={"held": {**holdout, "share_ppm": draw(PPM), "layers": layers}},
        segments={
            "seg-a": {"version": 1, "when": draw(LEAVES)},
            "seg-b": {"version": 2, "when": {"not": {"segment": "seg-a"}}},
        },
    )


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
