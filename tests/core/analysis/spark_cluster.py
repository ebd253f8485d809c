"""A standalone Spark cluster on loopback: a master and workers as processes of their own."""

import importlib.util
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

NOT_THERE = "Spark did not run"
ROOT = Path(__file__).resolve().parents[3]
READY_WITHIN_S = 60
READ_WITHIN_S = 400
OPTIONS = {
    "spark.executor.memory": "512m",
    "spark.cores.max": "2",
    "spark.sql.shuffle.partitions": "2",  # rows so few that tasks cost more than what they do
}


def missing() -> str:
    """Why Spark cannot run here; empty where it can."""
    if shutil.which("java") is None:
        return f"{NOT_THERE}: it needs Java 17, and there is no java on the PATH"
    if importlib.util.find_spec("pyspark") is None:
        return f"{NOT_THERE}: requirements/spark.txt is not installed"
    return ""


@dataclass
class Cluster:
    """`killed` says whether a worker was killed while a look was being read."""

    url: str
    folder: Path
    workers: list[subprocess.Popen] = field(default_factory=list)
    killed: bool = False

    def read(self, plan, files, *, kill_after_s=None, within_s=READ_WITHIN_S):
        """What a driver in a process of its own reads; one worker is killed after so many seconds."""
        asked, answer = self.folder / "asked", self.folder / "answer"
        asked.write_bytes(pickle.dumps((plan, files)))
        command = [sys.executable, "-m", "tests.core.analysis.spark_cluster", self.url, asked, answer]
        driver = subprocess.Popen(list(map(str, command)), cwd=ROOT, env=_environment())
        if kill_after_s is not None:
            self._kill_one(driver, kill_after_s)
        assert driver.wait(within_s) == 0
        return pickle.loads(answer.read_bytes())

    def _kill_one(self, driver, after_s):
        time.sleep(after_s)
        assert driver.poll() is None, "the look was over before a worker could be killed"
        os.killpg(self.workers[0].pid, signal.SIGKILL)
        self.killed = True


@contextmanager
def started(folder, *, workers):
    folder.mkdir()
    port = _free_port()
    cluster = Cluster(f"spark://127.0.0.1:{port}", folder)
    place = ("--host", "127.0.0.1", "--webui-port", "0")
    master = _start("master.Master", folder, *place, "--port", str(port))
    try:
        _wait_for(port)
        cluster.workers += [
            _start("worker.Worker", folder, *place, "--cores", "1", "--memory", "1g", cluster.url)
            for _ in range(workers)
        ]
        yield cluster
    finally:
        for process in (master, *cluster.workers):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _start(name, folder, *arguments):
    import pyspark

    program = Path(pyspark.__file__).parent / "bin" / "spark-class"
    command = [str(program), f"org.apache.spark.deploy.{name}", *arguments]
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=folder, env=_environment(), stdout=log, stderr=log, start_new_session=True
        )


def _environment():
    return {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1"}


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _wait_for(port):
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"no Spark master on port {port} within {READY_WITHIN_S} s")


def _drive(url, asked, answer):
    from analysis.engines.spark import SparkEngine

    plan, files = pickle.loads(Path(asked).read_bytes())
    engine = SparkEngine(url, OPTIONS)
    Path(answer).write_bytes(pickle.dumps(engine.read(plan, files, {})))


if __name__ == "__main__":
    _drive(*sys.argv[1:])
