"""The last known good configuration on disk: across restarts, whatever lies in the file."""

import json
import os
import time
from pathlib import Path

import pytest

from headway import Client
from headway.cachefile import CacheFile
from tests.core.sdk.build import document, experiment
from tests.core.sdk.faults import FaultServer, eventually


@pytest.fixture
def server():
    made = FaultServer(document({"home": experiment()}, version=5))
    yield made
    made.stop()


@pytest.fixture
def path(tmp_path, server):
    """A file that a client left behind, with the server gone."""
    path = tmp_path / "flags.json"
    with Client(server.url, "k", cache_file=path, poll_s=60) as client:
        assert client.wait_until_ready(60)
        assert eventually(path.exists)
        client.refresh(60)
    server.fail("kill")
    return path


def _restarted(server, path, **options):
    return Client(server.url, "k", cache_file=path, poll_s=60, **options)


def test_restart__server_dead__kept_values_at_once_with_their_age(server, path):
    with _restarted(server, path) as client:
        answer = client.evaluate("home", "user-1")

        assert answer.reason == "SPLIT"
        assert (client.source.name, client.source.version) == ("disk", 5)
        assert client.source.age_s < 60
        assert client.wait_until_ready(0)


def test_restart__file_thirty_days_old__still_used(server, path):
    head, _, body = path.read_bytes().partition(b"\n")
    header = json.loads(head)
    header["fetched_at"] -= 30 * 86_400
    path.write_bytes(json.dumps(header).encode() + b"\n" + body)

    with _restarted(server, path) as client:
        assert client.evaluate("home", "user-1").reason == "SPLIT"
        assert client.source.age_s > 29 * 86_400


def _corrupt(content):
    return content[:-5] + b"xxxxx"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_corrupt, "checksum"),
        (lambda content: content[: len(content) // 2], "checksum"),
        (lambda content: b"", "no readable header"),
        (lambda content: b"\x00" * 100, "no readable header"),
        (lambda content: content.replace(b'"format": 1', b'"format": 0'), "format"),
        (lambda content: content.replace(b'"origin": "', b'"origin": "0'), "another server"),
    ],
)
def test_restart__file_spoiled__refused_with_one_line_and_defaults(server, path, caplog, spoil, words):
    path.write_bytes(spoil(path.read_bytes()))

    with _restarted(server, path) as client:
        answer = client.evaluate("home", "user-1", default="own")

    assert (answer.value, answer.reason) == ("own", "ERROR")
    lines = [record.message for record in caplog.records if "kept configuration is refused" in record.message]
    assert len(lines) == 1
    assert words in lines[0]


def test_restart__file_is_a_folder__works_without(server, tmp_path, caplog):
    server.recover()
    with _restarted(server, tmp_path) as client:
        assert client.wait_until_ready(60)
        assert client.evaluate("home", "user-1").reason == "SPLIT"
        assert eventually(lambda: "cannot be kept on disk" in caplog.text)


@pytest.fixture(params=["/proc", "/sys", "a file", "nowhere"])
def unwritable(request, tmp_path):
    """A folder in which nobody can make a file, whatever rights they have."""
    if request.param.startswith("/"):
        if not os.path.isdir(request.param):
            pytest.skip(f"there is no {request.param} here")
        return Path(request.param)
    (tmp_path / "a file").write_text("no folder")
    return tmp_path / request.param


def test_folder__nobody_can_write_in_it__memory_only_and_one_line(server, unwritable, caplog):
    with Client(server.url, "k", cache_file=unwritable / "headway-flags.json", poll_s=60) as client:
        assert client.wait_until_ready(60)
        server.document = document({"home": {**experiment(), "on": False}}, version=6)
        client.refresh(60)

        assert eventually(lambda: client.source.version == 6)
        assert client.evaluate("home", "user-1").reason == "DISABLED"
        assert eventually(lambda: "cannot be kept on disk" in caplog.text)
    lines = [each for each in caplog.records if "cannot be kept on disk" in each.getMessage()]
    assert len(lines) == 1


def test_restart__server_has_a_newer_one__that_one_and_it_is_kept(server, path):
    server.document = document({"home": {**experiment(), "on": False}}, version=6)
    server.recover()
    with _restarted(server, path) as client:
        assert eventually(lambda: client.source == client.source._replace(name="server", version=6))
        client.refresh(60)

    with _restarted(server, path, offline=True) as client:
        assert client.source.version == 6


def test_restart__server_has_an_older_one__kept_one_stays(server, path):
    server.document = document({"home": {**experiment(), "on": False}}, version=4)
    server.recover()
    with _restarted(server, path) as client:
        assert eventually(lambda: client.counters["configs_refused"] > 0)

        assert (client.source.name, client.source.version) == ("disk", 5)


def test_bootstrap__document_brought_along__used_until_the_server_answers(server):
    brought = document({"home": {**experiment(), "on": False}}, version=900)
    server.fail("500")
    with Client(server.url, "k", bootstrap=brought, poll_s=60) as client:
        assert client.evaluate("home", "user-1").reason == "DISABLED"
        assert client.source.name == "bootstrap"
        server.recover()
        client.refresh(60)
        assert eventually(lambda: client.source.name == "server")

        assert client.evaluate("home", "user-1").reason == "SPLIT"
    brought["flags"].clear()


@pytest.mark.parametrize("brought", [b"{", "nonsense", {}, [], {"schema": 2}, 5, {"a": object()}])
def test_bootstrap__no_document__refused_with_a_line_and_the_client_lives(brought, caplog):
    with Client("http://127.0.0.1:1", "k", bootstrap=brought, offline=True) as client:
        assert client.evaluate("home", "user-1", default="own").value == "own"

    assert "the bootstrap document is refused" in caplog.text


def test_file__written__readable_by_its_owner_only_and_nothing_left_beside_it(path):
    assert oct(path.stat().st_mode)[-3:] == "600"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_file__cannot_be_replaced__no_temporary_file_stays(tmp_path):
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "inside").touch()

    with pytest.raises(OSError, match="taken"):
        CacheFile(folder, "u").write(b"{}", "")

    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


def test_restart__ten_thousand_flags__ready_after_little_work(tmp_path):
    whole = document({f"flag-{number}": experiment() for number in range(10_000)})
    path = tmp_path / "flags.json"
    CacheFile(path, "http://127.0.0.1:1").write(json.dumps(whole).encode(), '"e"')
    assert os.path.getsize(path) > 2_000_000
    start = time.process_time()

    with Client("http://127.0.0.1:1", "k", cache_file=path, offline=True) as client:
        answer = client.evaluate("flag-77", "user-1")
        spent = time.process_time() - start

    assert answer.reason == "SPLIT"
    assert spent < 2.0, "the bar is 0.1 s on a quiet machine; bench/evaluation.py measures it"
