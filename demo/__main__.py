"""`python -m demo` beside a running platform: load real data, have it analysed, print the verdicts."""

import os
import sys

import django
from rich.console import Console

from demo import surroundings
from demo.display import Display
from demo.surroundings import NoPlatform


def main() -> int:
    """Run or resume the demonstration. Returns the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        where = surroundings.read()
    except NoPlatform as problem:
        sys.stderr.write(f"demo: {problem}\n")
        return 1
    django.setup()
    # The services need the apps, which are only there now.
    from demo import story

    return story.tell(where, Display(Console()))


if __name__ == "__main__":
    sys.exit(main())
