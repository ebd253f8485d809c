"""Signatures of webhooks: HMAC-SHA256 over the time and the body, as receivers know it from elsewhere.

The header reads `t=1772445600,v1=<hex>`; the receiver computes the HMAC of `t.body` with the secret shown
when the webhook was made, compares, and refuses messages older than five minutes.
"""

import hashlib
import hmac
from datetime import datetime

HEADER = "Headway-Signature"
WINDOW_S = 300
LONGEST_TIME = 12


def secret_for(master: str, *, receiver: str, generation: int) -> str:
    """The secret of one receiver: derived, so that none is stored. A new generation is a new secret."""
    message = f"outbound:{receiver}:{generation}".encode()
    return "whsec_" + hmac.new(master.encode(), message, hashlib.sha256).hexdigest()


def header(secret: str, body: bytes, *, now: datetime) -> str:
    """The value of the header for this body."""
    at = int(now.timestamp())
    return f"t={at},v1={_digest(secret, at, body)}"


def is_genuine(value: str, secret: str, body: bytes, *, now: datetime) -> bool:
    """What a receiver does with the header; also the example of docs/how-to/send-webhooks.md."""
    parts = dict(part.split("=", 1) for part in value.split(",") if "=" in part)
    said, digest = parts.get("t", ""), parts.get("v1", "")
    if not (value.isascii() and said.isdigit() and len(said) <= LONGEST_TIME):
        return False
    at = int(said)
    return abs(now.timestamp() - at) <= WINDOW_S and hmac.compare_digest(digest, _digest(secret, at, body))


def _digest(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
