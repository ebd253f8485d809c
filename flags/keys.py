"""SDK keys as text: how one is made, read and compared. No database, no framework.

A key reads `hw_<scope>_<prefix>_<secret>`. The prefix is stored and shown, so that people can tell keys
apart; of the whole key only an HMAC-SHA256 is stored, made with a key derived from the site's secret, so that
a stolen table alone opens nothing.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

ACTOR = "key:"
"""How a key is called where people have names."""
SCOPES = ("server", "client", "ingest", "admin", "read")
_PREFIX_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_PREFIX_LENGTH = 8
_KEY = re.compile(rf"hw_(?:{'|'.join(SCOPES)})_([a-z0-9]{{{_PREFIX_LENGTH}}})_[A-Za-z0-9_-]{{43}}")
_PURPOSE = b"headway.sdk-key.v1"
_SIGNING_PURPOSE = b"headway.config-signature.v1"
_TICKET_PURPOSE = b"headway.stream-ticket.v1"


def is_key(actor: str) -> bool:
    """Whether a key acted: it is no second person, for whoever asked may hold it."""
    return actor.startswith(ACTOR)


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key: `secret` is the whole text and is shown once, `prefix` identifies it from then on."""

    prefix: str
    secret: str


def mint(scope: str) -> MintedKey:
    """A key with 256 random bits."""
    prefix = "".join(secrets.choice(_PREFIX_ALPHABET) for _ in range(_PREFIX_LENGTH))
    return MintedKey(prefix, f"hw_{scope}_{prefix}_{secrets.token_urlsafe(32)}")


def prefix_of(secret: str) -> str | None:
    """The visible part of a key's text, or None when the text is no key."""
    match = _KEY.fullmatch(secret)
    return match.group(1) if match else None


def digest(secret: str, site_secret: str) -> str:
    """Hexadecimal HMAC-SHA256 of the key's text."""
    pepper = hmac.digest(site_secret.encode(), _PURPOSE, hashlib.sha256)
    return hmac.new(pepper, secret.encode(), hashlib.sha256).hexdigest()


def is_same(secret: str, stored_digest: str, site_secret: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(digest(secret, site_secret), stored_digest)


def ticket(prefix: str, stored_digest: str, site_secret: str) -> str:
    """`<prefix>.<HMAC>`: opens streams of notices for as long as the key works, and nothing else.

    Browsers cannot send a header with an event source; this may stand in an address where a key may not.
    """
    purpose = hmac.digest(site_secret.encode(), _TICKET_PURPOSE, hashlib.sha256)
    return f"{prefix}.{hmac.new(purpose, stored_digest.encode(), hashlib.sha256).hexdigest()[:32]}"


def is_ticket(text: str, prefix: str, stored_digest: str, site_secret: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(text.encode(), ticket(prefix, stored_digest, site_secret).encode())


def signing_key(environment: str, site_secret: str) -> str:
    """The key that an environment's configuration is signed with; SDKs that check signatures are given it."""
    purpose = hmac.digest(site_secret.encode(), _SIGNING_PURPOSE, hashlib.sha256)
    return f"hws_{hmac.new(purpose, environment.encode(), hashlib.sha256).hexdigest()}"


def signature(signing_key_text: str, body: bytes) -> str:
    """HMAC-SHA256 of a document as it is before it is packed, in the form of the header."""
    return f"v1={hmac.new(signing_key_text.encode(), body, hashlib.sha256).hexdigest()}"
