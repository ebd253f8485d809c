"""The sentence that the history keeps with a change."""

from ledger.refusals import refuse

MAX_REASON = 2000


def checked(reason: str, *, needed: str = "") -> str:
    """The reason without outer spaces. `needed` says what it is needed for; empty means it is optional."""
    text = reason.strip()
    if needed and not text:
        raise refuse("reason", reason, f"{needed} needs a reason", "Write one sentence for the history.")
    if len(text) > MAX_REASON or "\0" in text:
        why = f"this is no sentence of at most {MAX_REASON} characters"
        raise refuse("reason", reason, why, "Write plain sentences.")
    return text
