"""What may be a key."""

import re
import unicodedata

from flags.models import SLUG
from ledger.refusals import refuse

_SLUG = re.compile(SLUG)
_RANGES = ((0x200B, 0x200C), (0x200E, 0x2010), (0x202A, 0x202F), (0x2060, 0x206A), (0xFEFF, 0xFF00))
_HIDDEN = frozenset(chr(code) for low, high in _RANGES for code in range(low, high))
"""Zero-width space, direction marks and overrides, invisible operators, byte order mark. The joiners stay:
words of several languages and emoji need them."""


def check_key(field: str, value: object) -> None:
    """Raise Refused unless the value can be a key: it goes into addresses as it stands."""
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise refuse(
            field,
            value,
            "a key has 1 to 63 small letters, digits and hyphens and starts with a letter or digit",
            "For example: new-checkout.",
        )


def _is_hidden(character: str) -> bool:
    """Control and format characters: a name could look like another one, or read backwards."""
    return unicodedata.category(character) in {"Cc", "Cs"} or character in _HIDDEN


def check_text(field: str, value: object, *, limit: int, is_needed: bool = False) -> str:
    """The text without outer spaces. Raises Refused when it is no text, too long or missing."""
    if not isinstance(value, str) or "\0" in value:
        raise refuse(field, value, "this is no text", "Write letters and digits.")
    if any(_is_hidden(character) for character in value):
        raise refuse(field, value, "this holds characters that cannot be seen", "Type it anew.")
    text = value.strip()
    if is_needed and not text:
        raise refuse(field, value, "this is empty", "Write something that people recognise.")
    if len(text) > limit:
        raise refuse(field, value, f"this has {len(text)} characters", f"At most {limit} are possible.")
    return text
