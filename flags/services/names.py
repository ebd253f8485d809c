"""What may be a key."""

import re

from flags.models import SLUG
from ledger.refusals import refuse

_SLUG = re.compile(SLUG)


def check_key(field: str, value: object) -> None:
    """Raise Refused unless the value can be a key: it goes into addresses as it stands."""
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise refuse(
            field,
            value,
            "a key has 1 to 63 small letters, digits and hyphens and starts with a letter or digit",
            "For example: new-checkout.",
        )


def check_text(field: str, value: object, *, limit: int, is_needed: bool = False) -> str:
    """The text without outer spaces. Raises Refused when it is no text, too long or missing."""
    if not isinstance(value, str) or "\0" in value:
        raise refuse(field, value, "this is no text", "Write letters and digits.")
    text = value.strip()
    if is_needed and not text:
        raise refuse(field, value, "this is empty", "Write something that people recognise.")
    if len(text) > limit:
        raise refuse(field, value, f"this has {len(text)} characters", f"At most {limit} are possible.")
    return text
