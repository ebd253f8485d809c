"""The commands plan, apply and export: reviewed files against the server."""

import pytest

from headway.cli import failures, gitops
from tests.core.cli.build import flag, state, whoami
from tests.core.cli.running import Answers, run

STATE = ("GET", "environments/production/state")
APPLY = ("POST", "environments/production/apply")


@pytest.fixture
def server():
    answers = Answers({("GET", "whoami"): (200, whoami()), STATE: (200, state(flags={"checkout": flag()}))})
    yield answers
    answers.stop()


@pytest.fixture
def files(tmp_path):
    """A file that wants one flag switched off."""
    path = tmp_path / "flags.yaml"
    path.write_text(
        "schema: 1\nflags:\n  checkout:\n    on: false\n"
        "    variants: {on: true, off: false}\n    off: off\n    default: off\n"
    )
    return path


def outcome(words=(), problems=()):
    row = {"kind": "flag", "key": "checkout", "version": 4, "words": list(words), "problems": list(problems)}
    return 200, {"environment": "production", "document_version": 8, "changes": [row]}


# Files


def test_export__then_plan__nothing_to_do(server, tmp_path):
    done = run("export", "--out", tmp_path / "flags.yaml", **server.variables)
    planned = run("plan", "-f", tmp_path, **server.variables)

    assert (done.code, planned.code) == (failures.DONE, failures.DONE)
    assert "Nothing to do" in planned.out


def test_plan__pending_change__diff_words_and_2(server, files):
    server.table[APPLY] = outcome(["Switched off: everybody gets off"])

    done = run("plan", "-f", files, **server.variables)

    assert done.code == failures.DIFFERS
    assert "~ flag checkout (version 3)" in done.out
    assert '- "on": true' in done.out
    assert "Switched off: everybody gets off" in done.out
    assert "0 to add, 1 to change, 0 to archive" in done.out
    assert server.sent[-1][2]["trial"] is True


def test_plan__server_would_refuse__said_and_1(server, files):
    problem = {
        "field": "flags.checkout.hold",
        "value": "x",
        "reason": "somebody holds it",
        "fix": "Release it.",
    }
    server.table[APPLY] = outcome(problems=[problem])

    done = run("plan", "-f", files, **server.variables)

    assert (done.code, "somebody holds it. Release it." in done.err) == (failures.REFUSED, True)


def test_plan__key_that_may_only_read__shown_and_not_checked(server, files):
    server.table[APPLY] = (403, {"detail": "a key with scope 'read' cannot do this"})

    done = run("plan", "-f", files, **server.variables)

    assert (done.code, "did not check the plan" in done.err) == (failures.DIFFERS, True)


def test_apply__without_terminal_and_yes__nothing_sent(server, files):
    done = run("apply", "-f", files, **server.variables)

    assert done.code == failures.REFUSED
    assert "Add --yes" in done.err
    assert all(method == "GET" for method, *_ in server.sent)


def test_apply__yes__sent_with_what_was_seen(server, files):
    server.table[APPLY] = outcome(["Switched off"])

    done = run("apply", "-f", files, "--yes", "--reason", "reviewed", **server.variables)

    sent = server.sent[-1][2]
    assert (done.code, sent["reason"]) == (failures.DONE, "reviewed")
    assert [(row["key"], row["seen"]) for row in sent["changes"]] == [("checkout", 3)]
    assert sent["changes"][0]["content"]["on"] is False


def test_apply__more_changes_than_the_server_makes_together__nothing_sent(server, files, monkeypatch):
    monkeypatch.setattr(gitops, "MOST_CHANGES", 0)

    done = run("apply", "-f", files, "--yes", **server.variables)

    assert done.code == failures.REFUSED
    assert "changes = 1: 0 are made together at most" in done.err
    assert "Nothing was changed." in done.err
    assert all(method == "GET" for method, *_ in server.sent)


def test_apply__no_answer__not_said_that_nothing_was_changed(server, files):
    server.table[APPLY] = (502, b"<html>Bad gateway</html>")

    done = run("apply", "-f", files, "--yes", **server.variables)

    assert done.code == failures.UNREACHABLE
    assert "`headway plan` says which" in done.err
    assert "Nothing was changed." not in done.err


def test_apply__kept_plan_and_flag_moved__refused_in_words(server, files, tmp_path):
    server.table[APPLY] = outcome(["Switched off"])
    kept = tmp_path / "plan.json"
    run("plan", "-f", files, "--out", kept, **server.variables)
    problem = {
        "field": "flags.checkout.seen",
        "value": "3",
        "reason": "the flag moved on",
        "fix": "Plan again.",
    }
    server.table[APPLY] = (409, {"problems": [problem]})

    done = run("apply", kept, "--yes", **server.variables)

    assert done.code == failures.REFUSED
    assert "the flag moved on. Plan again." in done.err
    assert "Nothing was changed." in done.err


@pytest.mark.parametrize(
    "text", ["{}", "[]", "x", '{"kind": "headway-plan", "schema": 1, "url": "https://other"}']
)
def test_apply__no_plan_of_this_server__refused(server, tmp_path, text):
    (tmp_path / "plan.json").write_text(text)

    assert run("apply", tmp_path / "plan.json", "--yes", **server.variables).code == failures.REFUSED
