"""Ports of the embedded set-up: none is chosen twice, not even by set-ups that start in the same second."""

import subprocess
import sys

from config.embedded.ports import Ports, claim, is_free

CHOOSE = """
import sys
from pathlib import Path
from config.embedded.ports import Ports
print(Ports(Path(sys.argv[1])).choose("web", preferred=int(sys.argv[2])), flush=True)
sys.stdin.read()
"""


def chooser(file, preferred):
    """A process that has chosen and listens to nothing yet."""
    argv = [sys.executable, "-c", CHOOSE, str(file), str(preferred)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_choose__preferred_by_two_set_ups_at_once__one_has_it_until_it_ends(tmp_path):
    preferred = Ports(tmp_path / "found.json").choose("any")
    with chooser(tmp_path / "a.json", preferred + 1) as first:
        taken = int(first.stdout.readline())
        with chooser(tmp_path / "b.json", taken) as second:
            assert int(second.stdout.readline()) != taken
            assert is_free(taken)
            assert not claim(taken)
            second.stdin.close()
        first.stdin.close()

    assert claim(taken)
    assert Ports(tmp_path / "c.json").choose("web", preferred=taken) == taken
