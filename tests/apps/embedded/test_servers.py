"""The embedded servers keep their data, leave nothing behind and survive being killed."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import psycopg
import pytest
import redis

from config.embedded import CannotStart, servers
from tests.apps.embedded.watching import eventually, is_living, living_below

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder():
    """A place whose name would trip up careless quoting; what runs there must be gone in the end.

    Not pytest's folder, which is closed: the servers' account has to get through when root runs the tests.
    """
    above = Path(tempfile.mkdtemp(prefix="headway-"))
    above.chmod(0o711)
    path = above / "a place – with 'quotes'"
    yield path
    assert eventually(lambda: not living_below(above)), living_below(above)
    shutil.rmtree(above)


def add_row(running):
    """Store one row in PostgreSQL and one entry in Valkey; returns how many there are of each."""
    with psycopg.connect(running.database_url) as session:
        session.execute("CREATE TABLE IF NOT EXISTS kept (at timestamptz DEFAULT now())")
        session.execute("INSERT INTO kept DEFAULT VALUES")
        [(rows,)] = session.execute("SELECT count(*) FROM kept").fetchall()
    with redis.Redis.from_url(running.redis_url) as client:
        return rows, client.rpush("kept", "1")


def kill(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not any(map(is_living, pids)))


def test_start__stopped_and_started_again__data_and_addresses_are_kept(folder):
    with servers.start(folder) as first:
        addresses = first.database_url, first.redis_url
        add_row(first)

    with servers.start(folder) as second:
        counts = add_row(second)

        assert (second.database_url, second.redis_url) == addresses
    assert counts == (2, 2)


def test_start__throwaway__servers_answer_and_the_folder_is_gone_afterwards(folder):
    with servers.start(folder, throwaway=True) as running:
        assert add_row(running) == (1, 1)
        assert set(running.pids) == {"postgres", "valkey"}

    assert not folder.exists()


def test_start__throwaway_in_a_folder_with_files__refused_and_nothing_deleted(folder):
    folder.mkdir()
    (folder / "precious").write_text("data")

    with pytest.raises(CannotStart, match="empty folder"):
        servers.start(folder, throwaway=True)

    assert (folder / "precious").read_text() == "data"


def test_start__folder_in_use__refused_naming_the_process(folder):
    with servers.start(folder), pytest.raises(CannotStart, match=rf"process {os.getpid()}\)"):
        servers.start(folder)


def test_start__servers_killed_before__runs_again_with_all_committed_rows(folder):
    first = servers.start(folder)
    add_row(first)
    kill(first.pids.values())
    first.stop()

    with servers.start(folder) as second:
        assert add_row(second)[0] == 2


def test_start__manager_killed_before__servers_leave_and_the_next_start_has_the_rows(folder):
    script = f"""
        import sys, time
        from pathlib import Path
        from config.embedded import servers
        running = servers.start(Path({str(folder)!r}))
        print(running.database_url, flush=True)
        time.sleep(60)
    """
    argv = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as manager:
        assert manager.stdout
        url = manager.stdout.readline().strip()
        with psycopg.connect(url) as session:
            session.execute("CREATE TABLE kept (at timestamptz DEFAULT now())")
            session.execute("INSERT INTO kept DEFAULT VALUES")
        manager.kill()

    assert eventually(lambda: not living_below(folder))
    with servers.start(folder) as second:
        assert add_row(second)[0] == 2


def test_revive__servers_killed__both_named_same_addresses_same_rows(folder):
    with servers.start(folder) as running:
        addresses = running.database_url, running.redis_url
        add_row(running)
        kill(running.pids.values())

        assert running.revive() == ["postgres", "valkey"]

        assert (running.database_url, running.redis_url) == addresses
        assert add_row(running)[0] == 2


def test_revive__all_well__nothing_named(folder):
    with servers.start(folder, throwaway=True) as running:
        assert running.revive() == []


def test_start__process_id_of_a_dead_server_reused_by_another_program__starts_and_spares_it(folder):
    with servers.start(folder) as running:
        data = running.home.data
    ours = str(os.getpid())
    (data / "pgdata" / "postmaster.pid").write_text(
        f"{ours}\n{data}/pgdata\n0\n5432\n\n127.0.0.1\n0 0\nready\n"
    )
    record = {"pid": os.getpid(), "birth": "some other boot/1", "parting": int(signal.SIGTERM)}
    (folder / "run" / "servers" / "valkey.pid").write_text(json.dumps(record))

    with servers.start(folder) as running:
        assert add_row(running) == (1, 1)


def test_start__remembered_port_taken__another_is_chosen(folder):
    with servers.start(folder) as running:
        add_row(running)
    taken = json.loads((folder / "run" / "ports.json").read_text())["postgres"]

    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", taken))
        squatter.listen()
        with servers.start(folder) as running:
            assert f":{taken}/" not in running.database_url
            assert add_row(running) == (2, 2)


def test_secrets__made__closed_to_others_and_in_no_command_line(folder):
    with servers.start(folder, throwaway=True) as running:
        file = running.home.data / "secrets.json"
        lines = " ".join(living_below(running.home.data).values())

        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert lines
        assert all(secret not in lines for secret in json.loads(file.read_text()).values())


def test_secrets__lost_while_the_data_is_there__refused_saying_so(folder):
    with servers.start(folder) as running:
        file = running.home.data / "secrets.json"
    file.unlink()

    with pytest.raises(CannotStart, match=r"secrets\.json is gone"):
        servers.start(folder)


def test_valkey__memory_is_short__nothing_is_evicted(folder):
    with servers.start(folder, throwaway=True) as running, redis.Redis.from_url(running.redis_url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_start__initdb_was_cut_short__begins_anew(folder):
    half = folder / "pgdata.half"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")

    with servers.start(folder) as running:
        assert add_row(running) == (1, 1)


def test_start__data_of_another_major_version__refused_naming_both(folder):
    with servers.start(folder) as running:
        version = running.home.data / "pgdata" / "PG_VERSION"
    version.write_text("12\n")

    with pytest.raises(CannotStart, match="made by PostgreSQL 12, and 18"):
        servers.start(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the servers to another account")
def test_start__root_below_a_closed_folder__data_goes_outside_and_erase_finds_it(folder):
    closed = folder / "home"
    folder.mkdir(mode=0o700)
    said: list[str] = []

    with servers.start(closed, say=said.append) as running:
        outside = running.home.data

        assert folder not in outside.parents
        assert str(outside) in said[0]
        assert add_row(running) == (1, 1)
    servers.erase(closed)
    assert not outside.exists()
    assert not closed.exists()
