"""A limit on the memory that one look may ask the system for.

The engine's own limit counts what passes through its buffers; a single value may still grow until the kernel
ends the process. Under this limit it ends in an error that the look can report.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GIGABYTE = 1 << 30
MORE_THAN_NOW = 8 * GIGABYTE
"""Address space beyond what the process holds when a look begins: its buffers twice over, and the arenas and
stacks of threads, which take addresses but hardly any memory."""


@contextmanager
def limited_address_space(more: int = MORE_THAN_NOW) -> Iterator[None]:
    """Until the end, this process gets at most so many bytes of address space more than it has now. A lower
    limit that stands already is kept."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _held() + more
    ceilings = [limit for limit in (soft, hard, wanted) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(ceilings), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _held() -> int:
    """Address space of this process in bytes (the first number of statm, in pages)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        # Without /proc the limit is what it would be for a process that holds nothing.
        return 0
    return pages * resource.getpagesize()
