"""Commands from end to end of this process: what they ask, what they say, how they end."""

import json
import os
import stat
import subprocess
import sys

import pytest

from headway.cli import failures
from headway.testing import document_of
from tests.core.cli.build import definition, flag, state, whoami
from tests.core.cli.running import Answers, run

STATE = ("GET", "environments/production/state")


@pytest.fixture
def server():
    answers = Answers({("GET", "whoami"): (200, whoami()), STATE: (200, state(flags={"checkout": flag()}))})
    yield answers
    answers.stop()


def outcome(words=(), problems=()):
    row = {"kind": "flag", "key": "checkout", "version": 4, "words": list(words), "problems": list(problems)}
    return 200, {"environment": "production", "document_version": 8, "changes": [row]}


# Logging in


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_login__key_from_the_environment__kept_for_its_owner_only(server, tmp_path):
    home = {"XDG_CONFIG_HOME": str(tmp_path)}

    done = run("login", **server.variables, **home)
    told = run("whoami", **home)
    gone = run("logout", **home)
    after = run("whoami", **home)

    path = tmp_path / "headway" / "credentials.json"
    assert done.code == told.code == gone.code == failures.DONE
    assert "hw_admin_test" not in done.out + done.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert server.sent[0][3]["Authorization"] == "Bearer hw_admin_test"
    assert after.code == failures.NOT_ALLOWED


def test_login__key_refused__nothing_kept(server, tmp_path):
    server.table[("GET", "whoami")] = (401, {"detail": "this key is unknown, revoked or expired"})

    done = run("login", **server.variables, XDG_CONFIG_HOME=str(tmp_path))

    assert done.code == failures.NOT_ALLOWED
    assert "this key is unknown" in done.err
    assert not (tmp_path / "headway").exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"current": 1, "profiles": {}}', '{"current": "a", "profiles": 5}']
)
def test_credentials__damaged__said_without_a_traceback(tmp_path, text):
    (tmp_path / "headway").mkdir()
    (tmp_path / "headway" / "credentials.json").write_text(text)

    done = run("whoami", XDG_CONFIG_HOME=str(tmp_path))

    assert done.code == failures.REFUSED
    assert "is damaged" in done.err


def test_variable__set_and_empty__said(tmp_path):
    done = run("whoami", HEADWAY_URL="https://x.example", HEADWAY_KEY="", XDG_CONFIG_HOME=str(tmp_path))

    assert (done.code, "set but empty" in done.err) == (failures.REFUSED, True)


def test_kept_key__another_address__not_sent_there(server, tmp_path):
    run("login", **server.variables, XDG_CONFIG_HOME=str(tmp_path))
    before = len(server.sent)

    done = run("whoami", "--url", "https://elsewhere.example", XDG_CONFIG_HOME=str(tmp_path))

    assert (done.code, len(server.sent)) == (failures.NOT_ALLOWED, before)


# Servers that are no help


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ((200, b"<html>Log in</html>"), failures.UNREACHABLE, "does not answer as Headway does"),
        ((200, b"[" * 100_000), failures.UNREACHABLE, "does not answer as Headway does"),
        ((302, b"", {"Location": "https://sso.example/"}), failures.UNREACHABLE, "https://sso.example/"),
        ((500, b"oops"), failures.UNREACHABLE, "answered 500"),
        (
            (503, {"detail": "the database is not available"}),
            failures.UNREACHABLE,
            "database is not available",
        ),
        ((403, {"detail": "it needs scope 'admin'"}), failures.NOT_ALLOWED, "it needs scope 'admin'"),
        ((404, b""), failures.REFUSED, "answered 404"),
        (
            (422, {"problems": [{"field": "key", "value": "'X'", "reason": "no key", "fix": "Use a-z."}]}),
            failures.REFUSED,
            "key = 'X': no key. Use a-z.",
        ),
    ],
)
def test_command__server_no_help__one_sentence_and_its_code(server, answer, code, said):
    server.table = {"*": answer}

    done = run("flags", "list", **server.variables)

    assert done.code == code
    assert said in done.err
    assert "Traceback" not in done.err


def test_command__server_away__said():
    done = run("flags", "list", HEADWAY_URL="http://127.0.0.1:9", HEADWAY_KEY="k")

    assert (done.code, "cannot be reached" in done.err) == (failures.UNREACHABLE, True)


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://", "https://u:p@x.example", "http://x:99999999"])
def test_url__no_address__said(url):
    done = run("flags", "list", HEADWAY_URL=url, HEADWAY_KEY="k")

    assert (done.code, "this is no address" in done.err) == (failures.REFUSED, True)


@pytest.mark.parametrize(
    "words", [[], ["flagz"], ["flags"], ["flags", "ramp", "x", "101%"], ["flags", "ramp", "x", "0.00001%"]]
)
def test_usage__wrong__64(words):
    with pytest.raises(SystemExit) as left:
        run(*words)

    assert left.value.code == failures.USAGE


# Flags


def test_list__table_and_json__same_flags(server):
    table, content = (
        run("flags", "list", **server.variables),
        run("flags", "list", "--json", **server.variables),
    )

    assert "checkout  on" in table.out
    assert content.json[0]["serves"] == "off to everybody"
    assert "\033" not in table.out


def test_list__title_with_control_characters__harmless(server):
    server.table[STATE] = (200, state(flags={"a": flag(title="x\033[2Jy")}))

    assert "\033" not in run("flags", "list", **server.variables).out


def test_ramp__percent__exact_parts_per_million(server):
    place = "flags/checkout/environments/production/coverage"
    version = {"flag": "checkout", "environment": "production", "number": 4, "changes": ["Rule r1: 29 %"]}
    server.table[("POST", place)] = (200, version)

    done = run("flags", "ramp", "checkout", "0.29%", "--reason", "calm", **server.variables)

    assert done.code == failures.DONE
    assert server.sent[-1][2] == {"reason": "calm", "coverage_ppm": 2900}


def test_kill__without_reason__usage(server):
    with pytest.raises(SystemExit):
        run("flags", "kill", "checkout", **server.variables)

    assert server.sent == []


# Evaluation and code


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(document_of({"new-checkout": True})))
    return path


def test_evaluate__from_a_file__answer_and_steps_without_a_server(config):
    done = run("evaluate", "new-checkout", "--unit", "u-1", "--config", config, "--trace")

    assert done.code == failures.DONE
    assert done.out.startswith("new-checkout: ")
    assert "= true (" in done.out


def test_evaluate__unknown_flag__1(config):
    done = run("evaluate", "gone", "--config", config, "--json")

    assert (done.code, done.json["evaluation"]["reason"]) == (failures.REFUSED, "FLAG_NOT_FOUND")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": 99}', "[" * 50_000])
def test_evaluate__no_document__said(tmp_path, text):
    (tmp_path / "c.json").write_text(text)

    done = run("evaluate", "f", "--config", tmp_path / "c.json")

    assert done.code == failures.REFUSED
    assert "c.json" in done.err


@pytest.mark.parametrize("text", ["country", "=de"])
def test_evaluate__attribute_without_a_name_or_sign__said(config, text):
    assert "this is no attribute" in run("evaluate", "f", "--config", config, "-a", text).err


def test_codegen__check_then_write_then_check__2_0_0(config, tmp_path):
    out = tmp_path / "flags.py"
    ends = [
        run("codegen", "--from", config, "--out", out, *more).code for more in (["--check"], [], ["--check"])
    ]

    assert ends == [failures.DIFFERS, failures.DONE, failures.DONE]


def test_codegen__from_the_server__its_document(server, tmp_path):
    server.table[("GET", "environments/production/document")] = (200, document_of({"new-checkout": True}))

    done = run("codegen", "--out", tmp_path / "flags.py", **server.variables)

    assert done.code == failures.DONE
    assert "def new_checkout(" in (tmp_path / "flags.py").read_text()


IMPORTS = ("POST", "experiments/checkout/imports")


def test_import_look__good_file__sent_as_it_is_and_the_verdict_said(server, tmp_path):
    (tmp_path / "numbers.csv").write_bytes(b"\xef\xbb\xbfmetric,arm,n\n")
    server.table[IMPORTS] = (201, {"look": 3, "verdict": "KEEP RUNNING"})
    until = "2026-03-10T00:00:00Z"

    done = run("import-look", "checkout", tmp_path / "numbers.csv", "--until", until, **server.variables)

    assert (done.code, done.out) == (0, "checkout: look 3, KEEP RUNNING\n")
    assert server.sent[-1][2] == {"until": until, "csv": "metric,arm,n\n"}


def test_import_look__refused__every_line_said_and_1(server, tmp_path):
    (tmp_path / "numbers.csv").write_text("metric\n")
    problem = {"field": "n", "value": "'x'", "reason": "this is not a number", "fix": "Fix it.", "line": 2}
    server.table[IMPORTS] = (422, {"problems": [problem]})

    done = run("import-look", "checkout", tmp_path / "numbers.csv", "--until", "x", **server.variables)

    assert (done.code, done.err) == (1, "error: line 2: n = 'x': this is not a number. Fix it.\n")


@pytest.mark.parametrize("raw", [None, b"metric\n\xff"])
def test_import_look__file_that_cannot_be_read__1_and_nothing_asked(server, tmp_path, raw):
    if raw:
        (tmp_path / "numbers.csv").write_bytes(raw)

    done = run("import-look", "checkout", tmp_path / "numbers.csv", "--until", "x", **server.variables)

    assert (done.code, server.sent) == (1, [])
    assert "line 2, byte 1 is not UTF-8" in done.err if raw else "cannot be read" in done.err


def test_import__left_out__listed_and_2(server, tmp_path):
    (tmp_path / "flagd.json").write_text('{"flags": {}}')
    row = {
        "source_key": "a",
        "key": "a",
        "outcome": "left out",
        "reasons": ["no reason"],
        "notes": [],
        "words": [],
    }
    told = {"environment": "production", "rebucketed": "Anew.", "flags": [row], "segments": [], "notes": []}
    server.table[("POST", "environments/production/import")] = (200, told)

    done = run("import", "flagd", tmp_path / "flagd.json", **server.variables)

    assert done.code == failures.DIFFERS
    assert "no reason" in done.out
    assert "Anew." in done.out


def test_command__as_a_module__no_traceback_when_the_reader_goes_away(config):
    script = f"{sys.executable} -m headway.cli evaluate new-checkout --config {config} --json | head -c 1"

    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "Traceback" not in done.stderr


def test_definition__every_field__can_be_declared():
    from headway.cli.declared import KNOWN

    assert set(definition()) - {"version"} <= set(KNOWN["flags"])
