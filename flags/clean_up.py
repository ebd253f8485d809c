"""The steps that take a flag out of the code and out of the list, and what is known about each. Pure."""

from collections.abc import Sequence

STEPS = {
    "code": "Keep in the code what everybody gets; delete the other way and the question.",
    "release": "Release that, and wait until the last old version is gone.",
    "dependents": "Look that no other flag depends on it.",
    "archive": "Archive it.",
}


def notes(*, dependents: Sequence[str], lines: int | None) -> dict[str, str]:
    """What is known about steps. `lines` of code name the flag; None when no repository was scanned."""
    found = {}
    if lines is not None:
        found["code"] = f"{lines} lines name it." if lines else "No scanned line names it any more."
    found["dependents"] = f"These do: {', '.join(dependents)}." if dependents else "None does."
    return found
