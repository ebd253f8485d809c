"""What may be a key, a name, an owner."""

import re
from collections.abc import Iterator

from ledger.refusals import Problem, problem
from organisation.models import NAME, SLUG

_SLUG = re.compile(SLUG)


def key_problems(key: str) -> Iterator[Problem]:
    if not _SLUG.fullmatch(key):
        why = "a key has 1 to 63 small letters, digits and hyphens and starts with a letter or digit"
        yield problem("key", key, why, "For example: checkout.")


def text_problems(field: str, text: str, *, limit: int, is_needed: bool = False) -> Iterator[Problem]:
    if is_needed and not text.strip():
        yield problem(field, text, "this is empty", "Write something that people recognise.")
    if len(text) > limit:
        yield problem(field, text, f"this has {len(text)} characters", f"At most {limit} are possible.")
    if any(ord(sign) < ord(" ") for sign in text):
        yield problem(field, text, "this holds control characters", "Write one line of plain text.")


def owner_problems(owner: str, backup: str) -> Iterator[Problem]:
    yield from text_problems("owner", owner, limit=NAME, is_needed=True)
    yield from text_problems("backup", backup, limit=NAME)
    if backup and backup == owner:
        yield problem("backup", backup, "the backup is the owner", "Name somebody else, or nobody yet.")
