"""Unit ids that look like personal data: an e-mail address, a telephone number, the number of a card.

Ids are hashed before they are stored, so these do no harm in the store; but they lie in clear in the inbox
and among refused events, and a site had better send an opaque id. Pure; called once for each new id.
"""

import re

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
PHONE = re.compile(r"(\+|00)[1-9][0-9 ().-]{6,18}[0-9]|\(?0[0-9]{1,4}\)?[ -][0-9]{3,4}[ -]?[0-9]{3,5}")
"""Numbers without a plus or a gap are far more often the numbers of a table's rows."""
CARD = re.compile(r"(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|6(?:011|5[0-9]{2}))(?:[ -]?[0-9]{4}){3}")
AMEX = re.compile(r"3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}")
LONGEST = 254
"""The longest possible e-mail address (RFC 5321)."""


def looks_personal(unit: str) -> bool:
    """Whether the whole id has the shape of something that names a person."""
    if len(unit) > LONGEST:
        return False
    if "@" in unit:
        return EMAIL.fullmatch(unit) is not None
    if PHONE.fullmatch(unit):
        return 8 <= len(_digits(unit)) <= 17
    return bool(CARD.fullmatch(unit) or AMEX.fullmatch(unit)) and _has_check_digit(_digits(unit))


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _has_check_digit(digits: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
