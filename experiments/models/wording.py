"""Words of enumerations as the choices of a field."""

from collections.abc import Iterable
from enum import StrEnum


def choices(words: Iterable[StrEnum]) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in words]
