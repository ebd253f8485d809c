"""The script that makes the virtual environment runs in any Python, if only to say that it is too old."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[3] / "requirements" / "make_environment.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("make_environment", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_script__syntax__read_by_old_pythons():
    ast.parse(FILE.read_text(encoding="utf-8"), feature_version=(3, 4))


def test_script__old_python__says_what_is_needed(script, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))

    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; .* is 3\.10\.4"):
        script.main(str(tmp_path / "venv"))

    assert not (tmp_path / "venv").exists()


def test_script__no_pip_to_put_in__says_which_package_is_missing(script, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ensurepip", None)

    with pytest.raises(SystemExit, match="apt install python3-venv"):
        script.main(str(tmp_path / "venv"))
