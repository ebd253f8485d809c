"""Texts in files that people open with a spreadsheet."""

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters that make a spreadsheet run a text as a formula."""


def inert(text: str) -> str:
    """The text, with a quote in front when a spreadsheet would run it."""
    return f"'{text}" if text.startswith(DANGEROUS) else text
