"""The typed module: it runs, it says what the flags are, and a type checker holds callers to it."""

import json
import subprocess
import sys

import pytest

from headway.codegen import main, module_of
from headway.testing import MemoryClient, document_of
from tests.core.sdk.build import document, experiment
from tests.core.sdk.faults import FaultServer

FLAGS = {"new-checkout": True, "new.checkout": False, "class": "t", "2-step": 5, "Map": {"a": 1}}


def _module(whole):
    scope = {"__name__": "generated"}
    exec(compile(module_of(whole), "generated.py", "exec"), scope)
    return scope


def test_module__every_type_and_odd_keys__gives_the_clients_values():
    whole = document_of(FLAGS)
    scope = _module(whole)

    flags = scope["Flags"](MemoryClient(document=whole))

    assert flags.new_checkout("u") is True
    assert flags.new_checkout_("u") is False
    assert flags.flag_class("u") == "t"
    assert flags.flag_2_step("u") == 5
    assert flags.map("u") == {"a": 1}
    assert flags.map_variant("u") == "test"
    assert set(scope["FlagKey"].__args__) == set(FLAGS)


@pytest.mark.parametrize("key", ['a"""b', "a\nb", "a'b", "..", "__import__"])
def test_module__hostile_variant_name__is_only_a_text(key):
    whole = document({"f": {**experiment(), "variants": {"control": "c", "treatment": "t", key: "x"}}})
    whole["environment"] = '"""\nimport os'

    scope = _module(whole)

    assert scope["Flags"](MemoryClient(document=whole)).f_variant("u") in ("control", "treatment")
    assert "os" not in scope


def test_module__no_flags__still_a_module():
    assert _module(document())["Flags"]


def test_module__checked_by_mypy__knows_types_and_variants(tmp_path):
    (tmp_path / "flags.py").write_text(module_of(document({"home": experiment()})))
    (tmp_path / "good.py").write_text(
        "from flags import Flags\n"
        "def use(flags: Flags) -> str:\n"
        '    if flags.home_variant("u") == "treatment":\n'
        '        return flags.home("u")\n'
        '    return flags.home("u", default="d")\n'
    )
    (tmp_path / "bad.py").write_text(
        "from flags import Flags\n"
        "def use(flags: Flags) -> int:\n"
        '    if flags.home_variant("u") == "treatmnt":\n'
        '        return flags.home("u")\n'
        "    return flags.hoem()\n"
    )
    pytest.importorskip("mypy")

    found = _mypy(tmp_path, "good.py", "bad.py").splitlines()

    assert [line for line in found if line.startswith(("good.py", "flags.py"))] == []
    for words in ("comparison-overlap", "return-value", "attr-defined"):
        assert any(line.startswith("bad.py:") and words in line for line in found), found


def _mypy(folder, *names):
    """What a type checker says, a line for each mistake."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", *names]
    source = next(path for path in sys.path if path.endswith("sdk/python/src"))
    environment = {"MYPYPATH": f"{folder}:{source}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def test_command__written_then_checked__same_until_the_flags_change(tmp_path, capsys):
    source, out = tmp_path / "flags.json", tmp_path / "flags.py"
    source.write_text(json.dumps(document({"home": experiment()})))

    assert main(["--from", str(source), "--out", str(out), "--check"]) == 1
    assert main(["--from", str(source), "--out", str(out)]) == 0
    assert main(["--from", str(source), "--out", str(out), "--check"]) == 0
    source.write_text(json.dumps(document({"home": experiment(), "other": experiment()})))
    assert main(["--from", str(source), "--out", str(out), "--check"]) == 1
    assert "not up to date" in capsys.readouterr().err


def test_command__from_the_server__with_the_key_of_the_environment(tmp_path, monkeypatch, capsys):
    server = FaultServer(document({"home": experiment()}))
    out = tmp_path / "flags.py"

    assert main(["--url", server.url, "--out", str(out)]) == 2
    assert "HEADWAY_KEY is not set" in capsys.readouterr().err
    monkeypatch.setenv("HEADWAY_KEY", "hw_server_key")
    assert main(["--url", server.url, "--out", str(out)]) == 0
    assert server.requests[0][1]["Authorization"] == "Bearer hw_server_key"
    server.fail("500")
    assert main(["--url", server.url, "--out", str(out)]) == 2
    assert "answered 500" in capsys.readouterr().err
    server.stop()


@pytest.mark.parametrize("content", ["", "{}", '{"schema": 2}', "[" * 100_000])
def test_command__no_usable_document__two_and_the_reason(tmp_path, capsys, content):
    (tmp_path / "flags.json").write_text(content)

    assert main(["--from", str(tmp_path / "flags.json"), "--out", str(tmp_path / "out.py")]) == 2
    assert capsys.readouterr().err.startswith("headway codegen: ")
    assert not (tmp_path / "out.py").exists()
