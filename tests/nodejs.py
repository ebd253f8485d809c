"""Node.js for the tests of the JavaScript SDK."""

import re
import shutil
import subprocess

OLDEST = 20
MISSING = f"no Node.js {OLDEST} or newer with npm on the PATH"


def is_there() -> bool:
    """Whether there is a Node.js that is new enough, with npm."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=120).stdout
    found = re.match(r"v(\d+)", told)
    return found is not None and int(found[1]) >= OLDEST
