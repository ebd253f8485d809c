"""Where a unit falls: murmur3 over its canonical text, integer thresholds, no floats and no modulo.

The byte-level rules stand in docs/reference/flag-format.md; every SDK follows them.
"""

from __future__ import annotations

from mmh3 import hash as _murmur3

RANGE = 2**32
WHOLE_PPM = 1_000_000
MAX_UNIT = 512
_MAX_KNOWN = 16_384
_MAX_BITS = 1_701
"""2**1701 has 513 decimal digits: longer integers need not be written out to know that they are too long."""


def bucket(unit: str, salt: int) -> int:
    """murmur3_x86_32 of the unit's UTF-8 bytes with the salt as seed, 0 to 2**32 - 1.

    Raises UnicodeEncodeError for half of a surrogate pair. The text is always encoded here: given such a
    text, mmh3 itself takes the process down.
    """
    return _murmur3(unit.encode(), salt, False)


def threshold(ppm: int) -> int:
    """The first bucket beyond a share: `ppm` parts per million own the buckets [0, threshold)."""
    return ppm * RANGE // WHOLE_PPM


def thresholds(shares: list[int]) -> list[int]:
    """The ends of adjacent half-open ranges; the last one ends at 2**32 when the shares are whole."""
    ends, total = [], 0
    for ppm in shares:
        total += ppm
        ends.append(threshold(total))
    return ends


def unit_text(unit: object) -> tuple[str | None, str]:
    """The canonical text of a unit id, or None and the reason why there is none.

    Texts stand for themselves, whole numbers are written in decimal, everything else is refused.
    """
    if isinstance(unit, str):
        return _checked(unit if unit.__class__ is str else str.__str__(unit))
    if isinstance(unit, int) and not isinstance(unit, bool):
        if unit.bit_length() >= _MAX_BITS:
            return None, f"the unit is longer than {MAX_UNIT} characters"
        return _checked(int.__repr__(unit))
    if unit is None:
        return None, "the unit is missing"
    return None, f"the unit is a {type(unit).__name__}; pass a text or a whole number"


known_units: set[str] = set()
"""Units that were found to have a canonical text and can be hashed as they are; shared, and bounded."""


def is_plain_unit(unit: object) -> bool:
    """Whether a unit is its own canonical text. It is then known, so that the next look is one look-up."""
    if unit.__class__ is not str or _checked(unit)[0] is None:
        return False
    if len(known_units) >= _MAX_KNOWN:
        known_units.clear()
    known_units.add(unit)
    return True


def _checked(text: str) -> tuple[str | None, str]:
    if not text:
        return None, "the unit is empty"
    if len(text) > MAX_UNIT:
        return None, f"the unit is longer than {MAX_UNIT} characters"
    try:
        text.encode()
    except UnicodeEncodeError:
        return None, "the unit holds half of a surrogate pair"
    return text, ""
