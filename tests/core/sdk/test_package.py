"""What the package needs: Python 3.9, mmh3, and nothing else unless an extra is asked for."""

import json
import subprocess
import sys
from pathlib import Path

import mmh3

SOURCE = Path(__file__).resolve().parents[3] / "sdk" / "python" / "src"
PACKAGE = SOURCE / "headway"
OF_EXTRAS = {"headway.openfeature": "openfeature", "headway.telemetry": "opentelemetry"}
MODULES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if path.stem != "__main__"
)

IMPORTING = """
import importlib, json, sys
refused = {}
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except ImportError as error:
        refused[name] = error.name
from headway.testing import MemoryClient
assert MemoryClient({"new-checkout": True}).bool("new-checkout", unit="user-1")
print(json.dumps(refused))
"""


def test_sources__language_and_library__those_of_python_3_9():
    vermin = Path(sys.executable).parent / "vermin"
    command = [vermin, "-t=3.9-", "--no-tips", "--violations", "-q", PACKAGE]

    done = subprocess.run(command, capture_output=True, text=True)

    assert (done.returncode, done.stdout.strip()) == (0, "")


def test_modules__beside_mmh3_alone__all_but_those_of_extras_load(tmp_path):
    """In an interpreter without site packages, where only the SDK and mmh3 can be found."""
    (tmp_path / Path(mmh3.__file__).name).symlink_to(mmh3.__file__)
    setup = f"import sys; sys.path[:0] = [{str(SOURCE)!r}, {str(tmp_path)!r}]\n"
    command = [sys.executable, "-S", "-I", "-c", setup + IMPORTING, json.dumps(MODULES)]

    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert {name: missing.split(".")[0] for name, missing in json.loads(done.stdout).items()} == OF_EXTRAS


def test_package__typed__says_so():
    assert (PACKAGE / "py.typed").exists()
    assert "Typing :: Typed" in (SOURCE.parent / "pyproject.toml").read_text(encoding="utf-8")
