"""Private PostgreSQL and Redis-compatible servers from wheels, and the manager of Headway's own processes.

For laptops, demonstrations and tests. Nothing here imports Django or an app: the servers run before there are
settings, and production images do not carry them.
"""


class CannotStart(Exception):
    """Headway's embedded set-up cannot start or stop; the message says why and what to do."""
