"""Changes and decisions of governance."""

from governance.services.receivers import (
    change_receiver,
    create_receiver,
    pause_receiver,
    remove_receiver,
    renew_secret,
    resume_receiver,
    signing_secret,
    test_receiver,
)
from governance.services.telling import replay, spread_news, tell

__all__ = [
    "change_receiver",
    "create_receiver",
    "pause_receiver",
    "remove_receiver",
    "renew_secret",
    "replay",
    "resume_receiver",
    "signing_secret",
    "spread_news",
    "tell",
    "test_receiver",
]
