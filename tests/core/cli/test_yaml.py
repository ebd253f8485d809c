"""YAML that every reader understands alike: written so, and everything else refused with its line."""

import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.cli.failures import Failed
from headway.cli.yaml_reading import read_yaml
from headway.cli.yaml_writing import written

TEXTS = st.text(max_size=20) | st.sampled_from(
    [
        "on",
        "off",
        "yes",
        "no",
        "1_000",
        "010",
        "1e3",
        "null",
        "~",
        "2026-01-01",
        "12:30",
        "a: b",
        "- a",
        "#x",
        "",
        " a",
        ".inf",
        "y",
    ]
)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(content=PLAIN)
def test_written__read_by_us_and_by_others__says_the_same(content):
    text = written(content)

    assert read_yaml(text, "f") == content
    assert yaml.safe_load(text) == content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: true\noff: 1", {"on": True, "off": 1}),
        ("default: off", {"default": "off"}),
        ("variants: {on: true, off: false}", {"variants": {"on": True, "off": False}}),
        ("1: a\ntrue: b", {"1": "a", "true": "b"}),
        ("a: 2026-12-31", {"a": "2026-12-31"}),
        ("a: 1.5e-3\r\nb: -7\r\n", {"a": 0.0015, "b": -7}),
        ("a: '010'", {"a": "010"}),
        ("", None),
        ("# nothing", None),
    ],
)
def test_read__plain_words__by_the_core_schema(text, value):
    assert read_yaml(text, "f") == value


REFUSED = {
    "an alias": ("a: &x 1\nb: *x", "line 1, column 4: anchors and aliases"),
    "an alias bomb": ("a: &a [x, x]\nb: [*a, *a]", "anchors and aliases"),
    "a merge key": ("<<: {a: 1}", "merge keys"),
    "a key that stands twice": ("flags:\n  a: 1\n  a: 2", "line 3, column 3: the key 'a' stands twice"),
    "a tag": ("a: !!python/object/apply:os.system [ls]", "tags are not accepted"),
    "a tag on a text": ("a: !!str 1", "tags are not accepted"),
    "two documents": ("a: 1\n---\nb: 2", "a second document begins"),
    "yes": ("on: yes", "line 1, column 5: readers disagree about yes"),
    "Norway": ("value: [no, se]", "readers disagree about no"),
    "an underscore": ("coverage_ppm: 1_000", "readers disagree about 1_000"),
    "octal": ("salt: 010", "readers disagree about 010"),
    "hexadecimal": ("salt: 0x1F", "readers disagree about 0x1F"),
    "sexagesimal": ("at: 12:30:00", "readers disagree about 12:30:00"),
    "infinity": ("value: .inf", "readers disagree about .inf"),
    "a number without end": ("value: 1e999", "this number is too large"),
    "a mapping as key": ("? {a: 1}\n: 2", "a key has to be a word"),
    "depth": ("[" * 40 + "]" * 40, "nested more than 32 deep"),
    "a tab": ("a:\n\t- b", "line 2"),
    "no end": ('a: "b', "line 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_read__ambiguous_or_dangerous__refused_with_its_place(case):
    text, said = REFUSED[case]

    with pytest.raises(Failed) as failed:
        read_yaml(text, "flags.yaml")

    assert failed.value.lines[0].startswith("flags.yaml: ")
    assert said in failed.value.lines[0]


def test_read__without_pyyaml__says_what_to_install(tmp_path):
    (tmp_path / "f.yaml").write_text("a: 1")
    code = "import sys; sys.modules['yaml'] = None; from headway.cli.program import main; sys.exit(main())"

    done = subprocess.run(
        [sys.executable, "-c", code, "plan", "-f", str(tmp_path)],
        env={
            "HEADWAY_URL": "http://127.0.0.1:9",
            "HEADWAY_KEY": "k",
            "PATH": "",
            "PYTHONPATH": ":".join(sys.path),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "pip install 'headway[cli]'" in done.stderr
