"""A mail server on loopback that keeps what it is given: what a real one would have been sent."""

import secrets
import socket
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller


class Mailbox:
    """Speaks SMTP while it is open; `messages` are those it took, oldest first."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.port = free_port()
        self._server = Controller(self, hostname="127.0.0.1", port=self.port)

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"

    def to(self, address: str) -> list[EmailMessage]:
        return [each for each in self.messages if each["To"] == address]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 kept"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()


OWN_PORTS = range(15_000, 30_000)
"""Below those that the system hands out by itself. A server needs seconds between the choice of its port and
listening on it; meanwhile any connection or test server on this machine might be handed a port from above."""


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    while True:
        port = secrets.choice(OWN_PORTS)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
