"""What keeps generated text honest and short: banned words, word counts, clipping.

Used by the builders of sentences and by the tests that read every rendered report.
"""

from __future__ import annotations

import re

FOLD_WORDS = 90
"""Most words a reader meets before scrolling: thirty seconds with one picture."""

BAR_WORDS = 45
"""Most words in the verdict bar."""

BANNED = (
    "winner",
    "winning",
    "loser",
    "proved",
    "proven to increase",
    "chance to win",
    "highly significant",
    "trending",
    "flat",
    "no impact",
    "insignificant",
)
_BANNED = re.compile(r"\b(" + "|".join(map(re.escape, BANNED)) + r")\b", re.IGNORECASE)
_SIGNIFICANT = re.compile(r"[^.;:!?]*\bstatistically significant\b[^.;!?]*", re.IGNORECASE)
_WORD = re.compile(r"\w")


def banned(text: str) -> list[str]:
    """Words a report must not use, in order of appearance. "statistically significant" is banned where its
    clause gives no number for the effect."""
    found = [match.group(0) for match in _BANNED.finditer(text)]
    claims = (match.group(0) for match in _SIGNIFICANT.finditer(text))
    return found + ["statistically significant" for claim in claims if not re.search(r"\d", claim)]


def words(text: str) -> int:
    """Words as a reader counts them: anything between spaces that holds a letter or digit."""
    return sum(1 for token in text.split() if _WORD.search(token))


def clip(text: str, limit: int) -> str:
    """The first `limit` words, with an ellipsis when some are left out."""
    tokens, kept = text.split(" "), 0
    for position, token in enumerate(tokens):
        kept += words(token)
        if kept > limit:
            return " ".join(tokens[:position]).rstrip(" ,;:–-") + "…"
    return text


def fit(sentences: list[str], limit: int) -> list[str]:
    """The leading sentences that fit into `limit` words together; the first is clipped if it has to be."""
    kept, left = [], limit
    for sentence in sentences:
        if words(sentence) > left:
            break
        kept.append(sentence)
        left -= words(sentence)
    return kept or [clip(sentence, limit) for sentence in sentences[:1]]
