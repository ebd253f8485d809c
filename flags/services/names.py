"""What may be a key."""

import re

from flags.models import SLUG
from ledger.refusals import refuse

_SLUG = re.compile(SLUG)


def check_key(field: str, value: str) -> None:
    """Raise Refused unless the value can be a key: it goes into addresses as it stands."""
    if not _SLUG.fullmatch(value):
        raise refuse(
            field,
            value,
            "a key has 1 to 63 small letters, digits and hyphens and starts with a letter or digit",
            "For example: new-checkout.",
        )
