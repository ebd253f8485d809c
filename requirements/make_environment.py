"""Make the virtual environment, with the hash-checked installer (uv), the way to the SDK and its command.

Run by `make` with whatever Python is there, so it reads in old ones too: no annotations, no f-strings.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKOUT = os.path.dirname(HERE)
SDK = os.path.join(CHECKOUT, "sdk", "python", "src")
COMMAND = """#!{python}
import sys

sys.path.append({checkout!r})  # the command `analyse` uses the platform's statistics
from headway.cli.program import main

sys.exit(main())
"""


def main(folder):
    if sys.version_info < (3, 11):
        sys.exit(
            "Headway needs Python 3.11 or newer; {} is {}.\n"
            "Name another one: make PYTHON=/path/to/python3.12 demo".format(
                sys.executable, ".".join(map(str, sys.version_info[:3]))
            )
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        sys.exit(
            "This Python cannot make virtual environments with pip in them. "
            "On Debian and Ubuntu: apt install python3-venv."
        )
    sys.stderr.write("making the virtual environment in {}\n".format(folder))
    subprocess.check_call([sys.executable, "-m", "venv", folder])
    python = os.path.join(folder, "bin", "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.check_call(pip + ["--requirement", os.path.join(HERE, "uv.txt")])
    lead_to_sdk(python)
    put_command(folder)


def lead_to_sdk(python):
    """Let the environment import the SDK from the checkout: a path file needs no build and no download."""
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.check_output(where).decode().strip()
    with open(os.path.join(packages, "headway-sdk.pth"), "w") as path_file:
        path_file.write(SDK + "\n")


def put_command(folder):
    """Let `headway` be a command of the environment: the SDK is not installed, so nothing else does."""
    scripts = os.path.join(os.path.abspath(folder), "bin")
    path = os.path.join(scripts, "headway")
    with open(path, "w") as script:
        script.write(COMMAND.format(python=os.path.join(scripts, "python"), checkout=CHECKOUT))
    os.chmod(path, 0o755)  # noqa: S103 - others may run it, only we may write it


if __name__ == "__main__":
    main(sys.argv[1])
