"""Container health checks: `python -m config.probe URL` or `python -m config.probe beating`.

Standard library only: a check that loads the application would cost more than what it checks.
"""

import sys
from collections.abc import Sequence
from http.client import HTTPException
from urllib.error import URLError
from urllib.request import Request, urlopen

from config import heartbeat

TIMEOUT_S = 4
LONGEST_SILENCE_S = 60
HEALTHY, SICK = 0, 1


def main(arguments: Sequence[str]) -> int:
    """Say in one line how the process is; 0 when it is well."""
    [asked] = arguments
    status, words = _beating() if asked == "beating" else _answering(asked)
    sys.stdout.write(f"{words}\n")
    return status


def _answering(url: str) -> tuple[int, str]:
    # As the proxy in front would say it; else a site that insists on TLS redirects.
    request = Request(url, headers={"X-Forwarded-Proto": "https"})  # noqa: S310  the caller names the address
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return HEALTHY, f"{url} answers {answer.status}"
    except (URLError, HTTPException, OSError) as problem:
        return SICK, f"{url}: {problem}"


def _beating() -> tuple[int, str]:
    silence = heartbeat.silence_s()
    if silence is None:
        return SICK, "no sign of life yet"
    status = HEALTHY if silence <= LONGEST_SILENCE_S else SICK
    return status, f"the last sign of life was {silence:.0f} s ago"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
