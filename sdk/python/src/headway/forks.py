"""Clients in forked children: threads do not cross a fork, so every open client starts its own again."""

from __future__ import annotations

import atexit
import os
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from headway.client import Client

_open: weakref.WeakSet[Client] = weakref.WeakSet()


def register(client: Client) -> None:
    _open.add(client)


def forget(client: Client) -> None:
    _open.discard(client)


def _in_child() -> None:
    for client in list(_open):
        client.after_fork()


def _at_exit() -> None:
    for client in list(_open):
        client.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
atexit.register(_at_exit)
