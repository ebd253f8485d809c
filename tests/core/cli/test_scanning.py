"""Finding flags in a checkout: every line that names one, nothing that git ignores, no source text kept."""

import hashlib
import subprocess

import pytest

from headway.cli import failures, scanning
from tests.core.cli.build import flag, state, whoami
from tests.core.cli.running import Answers, run

KEYS = ["new-checkout", "search", "old"]
SOURCE = {
    "app/views.py": 'x = 1\nif flags.bool("new-checkout", unit=u):\n    pass\n',
    "web/app.ts": "const on = client.getBooleanValue('search', false)\nuse(`search`)\n",
    "web/typo.js": 'flags.variant("serach", u)\nres.json("something")\n',
    "ignored/made.py": 'flags.bool("search", u)\n',
    ".gitignore": "ignored/\n",
    "logo.bin": '\0"search"',
}


@pytest.fixture
def checkout(tmp_path):
    for name, text in SOURCE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, capture_output=True)
    return tmp_path


def places(lines):
    return [(line.path, line.line, line.flag) for line in lines]


def test_scan__checkout__known_and_unknown_flags_with_their_lines(checkout):
    found = scanning.scan(checkout, KEYS)

    assert places(found.known) == [
        ("app/views.py", 2, "new-checkout"),
        ("web/app.ts", 1, "search"),
        ("web/app.ts", 2, "search"),
    ]
    assert places(found.unknown) == [("web/typo.js", 1, "serach")]
    assert found.files == 4


def test_scan__line__only_its_hash_is_kept(checkout):
    line = scanning.scan(checkout, KEYS).known[0]

    assert line.snippet_hash == hashlib.sha256(b'if flags.bool("new-checkout", unit=u):').hexdigest()


def test_scan__own_function__asks_for_flags_too(checkout):
    (checkout / "own.py").write_text('is_open("nothing-like-it")\n')

    assert places(scanning.scan(checkout, KEYS, ["is_open"]).unknown)[0] == ("own.py", 1, "nothing-like-it")


def test_scan__only_a_folder__nothing_beside_it(checkout):
    assert {line.path for line in scanning.scan(checkout, KEYS, only=["web/"]).known} == {"web/app.ts"}


def test_scan__no_git__dependencies_left_out(tmp_path):
    for name in ("node_modules/x/a.js", "src/a.js"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text('"search"')

    assert places(scanning.scan(tmp_path, KEYS).known) == [("src/a.js", 1, "search")]


def test_scan__link_out_of_the_checkout__not_followed(tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.py").write_text('"search"')
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "link.py").symlink_to(tmp_path / "secret" / "a.py")
    (tmp_path / "checkout" / "folder").symlink_to(tmp_path / "secret")

    assert scanning.scan(tmp_path / "checkout", KEYS).known == ()


@pytest.fixture
def server():
    known = state(flags={"new-checkout": flag(), "search": flag(), "lonely": flag()}, archived=["old"])
    answers = Answers(
        {
            ("GET", "whoami"): (200, whoami()),
            ("GET", "environments/production/state"): (200, known),
            ("POST", "code-references"): (201, {}),
        }
    )
    yield answers
    answers.stop()


def test_refs__upload__lines_sent_without_source(server, checkout):
    done = run("refs", checkout, "--upload", "--repository", "shop", **server.variables)

    body = server.sent[-1][2]
    assert done.code == failures.DONE
    assert (body["repository"], body["files"], len(body["references"])) == ("shop", 4, 4)
    assert set(body["references"][0]) == {"flag", "path", "line", "snippet_hash"}
    assert "named nowhere: lonely" in done.out


def test_refs__check__2_while_a_flag_is_not_there(server, checkout):
    wrong = run("refs", checkout, "--check", **server.variables)
    (checkout / "web" / "typo.js").unlink()
    right = run("refs", checkout, "--check", **server.variables)

    assert (wrong.code, right.code) == (failures.DIFFERS, failures.DONE)
    assert "serach: no such flag" in wrong.out
