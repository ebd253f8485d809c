"""Unit and session ids as keyed hashes: the same id gives the same number, and nobody without the key can go
back or try ids out. No I/O, no Django.
"""

from dataclasses import dataclass, field
from hashlib import blake2b

from events.shapes import looks_personal

REMEMBERED = 300_000


@dataclass(slots=True)
class Pseudonyms:
    """Hashes under one secret; results are remembered, because a unit has many events.

    `personal` are the hashes of those units whose ids look like personal data.
    """

    secret: bytes = field(repr=False)
    personal: set[int] = field(default_factory=set, repr=False)
    _known: "dict[tuple[str, str] | str, int]" = field(default_factory=dict, repr=False)

    def unit(self, unit_type: str, unit: str) -> int:
        """A unit of one type; "user" 7 and "device" 7 are two units."""
        name = (unit_type, unit)
        number = self._known.get(name)
        if number is None:
            number = self._hash(name, f"unit\0{unit_type}\0{unit}")
            if looks_personal(unit):
                self.personal.add(number)
        return number

    def session(self, session: str) -> int:
        number = self._known.get(session)
        return self._hash(session, f"session\0{session}") if number is None else number

    def _hash(self, name: "tuple[str, str] | str", text: str) -> int:
        digest = blake2b(text.encode(), digest_size=8, key=self.secret).digest()
        number = int.from_bytes(digest, "little", signed=True)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[name] = number
        return number
