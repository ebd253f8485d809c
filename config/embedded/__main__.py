"""The embedded set-up's command line: `python -m config.embedded serve`."""

import argparse
import shlex
import sys
from collections.abc import Sequence

from config.embedded import CannotStart, servers, session
from config.embedded.backing import published
from config.embedded.home import default_root

QUIET = "leave what the programs say to their log files"
THROWAWAY = "use data that is deleted afterwards, in HEADWAY_HOME (empty) or a temporary folder"


def main(arguments: Sequence[str]) -> int:
    """Carry out one command. Returns the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        return _carry_out(asked)
    except CannotStart as problem:
        sys.stderr.write(f"headway: {problem}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run the platform until Ctrl-C")
    serve.add_argument("--throwaway", action="store_true", help=THROWAWAY)
    run = commands.add_parser("run", help="run the platform, and a command beside it once it answers")
    run.add_argument("--throwaway", action="store_true", help=THROWAWAY)
    run.add_argument("--quiet", action="store_true", help=QUIET)
    run.add_argument("--keep", action="store_true", help="keep serving after the command succeeded")
    run.add_argument("argv", nargs="+", metavar="-- command", help="the command and its arguments")
    manage = commands.add_parser("manage", help="run a Django management command on the embedded data")
    manage.add_argument("--throwaway", action="store_true", help=THROWAWAY)
    manage.add_argument(
        "argv", nargs=argparse.REMAINDER, metavar="command", help="for example: createsuperuser"
    )
    commands.add_parser("shell-env", help="print the running set-up's environment for a shell to evaluate")
    commands.add_parser("erase", help="delete the embedded set-up with all its data")
    return parser


def _carry_out(asked: argparse.Namespace) -> int:
    match asked.command:
        case "serve":
            return session.run(session.Wish(throwaway=asked.throwaway))
        case "run":
            modes = {"keep": asked.keep, "throwaway": asked.throwaway, "quiet": asked.quiet}
            return session.run(session.Wish(command=tuple(asked.argv), **modes))
        case "manage":
            return session.manage(asked.argv, throwaway=asked.throwaway)
        case "erase":
            servers.erase(default_root())
            return 0
    return _print_environment()


def _print_environment() -> int:
    variables = published()
    if variables is None:
        raise CannotStart("Nothing runs. Start it with `make serve`.")
    for name, value in sorted(variables.items()):
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
