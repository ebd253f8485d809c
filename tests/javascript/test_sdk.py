"""The JavaScript SDK: its own tests, its size, and the same decisions as the Python SDK on any document."""

import gzip
import json
import math
import shutil
import subprocess
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.evaluation import compile_config
from tests.core.sdk import strategies
from tests.core.sdk.test_checking import REFUSED

pytestmark = pytest.mark.flow  # one worker builds the SDK, that of the platform
MAX_BROWSER_BYTES = 6_000
MANY = settings(deadline=None, suppress_health_check=list(HealthCheck))


def _is_json(value):
    """Can the value cross over? JSON knows no infinities and no bytes."""
    return not isinstance(value, bytes) and not (isinstance(value, float) and not math.isfinite(value))


ATTRIBUTES = strategies.ATTRIBUTES.map(
    lambda found: {name: value for name, value in found.items() if _is_json(value)}
)
# 1.5 is no unit in either language; 1.0 is one in JavaScript, which has no other way to write 1.
CASES = st.lists(st.tuples(strategies.UNITS.filter(_is_json), ATTRIBUTES), min_size=1, max_size=8)


def test_own_tests__golden_vectors_and_faults__pass(npm, built):
    printed = npm("run", "test:built")

    assert "# fail 0" in printed
    assert "# skipped 0" in printed


def test_browser_bundle__zipped__small(built):
    bundle = (built / "dist" / "headway.min.js").read_bytes()

    assert len(gzip.compress(bundle, 9)) < MAX_BROWSER_BYTES


def test_web_provider_bundle__zipped__small(built):
    for name in ("openfeature-web.js", "openfeature-web.cjs"):
        assert len(gzip.compress((built / "dist" / name).read_bytes(), 9)) < MAX_BROWSER_BYTES


def test_package__packed__every_entry_and_nothing_else(npm, built):
    manifest = json.loads((built / "package.json").read_text(encoding="utf-8"))
    (packed,) = json.loads(npm("pack", "--dry-run", "--json"))
    files = {file["path"] for file in packed["files"]}

    entries = {path.removeprefix("./") for ways in manifest["exports"].values() for path in ways.values()}
    assert entries <= files
    assert {path for path in files if not path.startswith("dist/")} == {"README.md", "package.json"}
    assert "dist/headway.min.js" in files
    assert "dependencies" not in manifest


@pytest.mark.parametrize("way", ["import", "require"])
def test_package__installed_elsewhere__every_entry_loads(npm, built, tmp_path, way):
    """The packed archive in a folder of its own, with the optional peers beside it."""
    (packed,) = json.loads(npm("pack", "--json", "--pack-destination", str(tmp_path)))
    modules = tmp_path / "node_modules"
    with tarfile.open(tmp_path / packed["filename"]) as archive:
        archive.extractall(modules, filter="data")
    (modules / "package").rename(modules / "headway-sdk")
    for peer in ("@openfeature", "web-vitals"):
        (modules / peer).symlink_to(built / "node_modules" / peer)
    exports = json.loads((built / "package.json").read_text(encoding="utf-8"))["exports"]
    names = ["headway-sdk" + entry[1:] for entry, ways in exports.items() if way in ways]
    loads = [f"await import({name!r})" if way == "import" else f"require({name!r})" for name in names]
    script = f"console.log([{', '.join(loads)}].every((found) => Object.keys(found).length > 0))"
    kind = "module" if way == "import" else "commonjs"

    command = [shutil.which("node") or "node", f"--input-type={kind}", "-e", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    assert (done.stdout.strip(), done.stderr) == ("true", "")


@MANY
@given(strategies.documents(), CASES)
def test_decisions__any_document__as_in_python(decider, whole, cases):
    config = compile_config(whole)
    expected = [config.evaluate("main", unit, attributes) for unit, attributes in cases]

    answers = decider.ask(whole, [["main", unit, attributes] for unit, attributes in cases])

    assert [answer[:3] for answer in answers] == [[of.variant, of.reason, of.rule] for of in expected]


def test_documents__each_refusal__at_the_same_field(decider):
    for whole, field, _ in REFUSED:
        if not _is_plain_json(whole):
            continue

        answer = decider.ask(whole)

        assert isinstance(answer, dict), (whole, field)
        assert field in [problem["field"] for problem in answer["problems"]]


def _is_plain_json(whole):
    """NaN and infinity never arrive from a server."""
    try:
        json.dumps(whole, allow_nan=False)
    except ValueError:
        return False
    return True
