"""The glossary: the words of the console, explained in place. Plain data, no Django."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "glossary.toml"


@dataclass(frozen=True, slots=True)
class Term:
    """One word and what it means here."""

    name: str
    means: str

    @property
    def anchor(self) -> str:
        return self.name.lower().replace(" ", "-")


@cache
def terms() -> tuple[Term, ...]:
    """All terms in reading order."""
    with FILE.open("rb") as text:
        return tuple(Term(entry["name"], entry["means"]) for entry in tomllib.load(text)["term"])
