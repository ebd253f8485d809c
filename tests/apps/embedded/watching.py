"""What the tests of the embedded set-up see from outside: living processes and bounded waiting."""

import os
import time
from pathlib import Path


def eventually(condition, within_s=90.0):
    """Poll until the condition holds; the last answer is returned either way."""
    deadline = time.monotonic() + within_s
    while not (answer := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def is_living(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in {"Z", "X"}


def living_below(folder):
    """Command lines, by process id, of everything that runs in the folder or was told about it."""
    mark = os.fsencode(str(folder))
    return {
        int(entry.name): line
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and is_living(entry.name) and (line := _mention(entry, mark))
    }


def _mention(entry, mark):
    try:
        command = (entry / "cmdline").read_bytes()
        told = command + (entry / "environ").read_bytes() + os.fsencode(os.readlink(entry / "cwd"))
    except OSError:
        return ""
    return command.replace(b"\0", b" ").decode(errors="replace") if mark in told else ""
