"""Flags of other products as drafts: what maps is told flag by flag, what does not is listed with its reason.

Pure: no database. A flag of which any part does not map is left out as a whole, because half a flag is
another flag. Nothing is dropped in silence: an unknown field is a reason to leave a flag out.
"""

from collections.abc import Callable
from typing import Any

from flags.importers import flagd, flagsmith, growthbook, unleash
from flags.importers.reading import Reading
from ledger.refusals import refuse

Reader = Callable[[Any, str], Reading]
SOURCES: dict[str, Reader] = {
    "flagd": flagd.read,
    "growthbook": growthbook.read,
    "unleash": unleash.read,
    "flagsmith": flagsmith.read,
}
TITLES = {
    "flagd": "flagd flag definitions (JSON)",
    "growthbook": "GrowthBook features: the SDK payload or an answer of its API",
    "unleash": "Unleash export, or an answer of its client API",
    "flagsmith": "Flagsmith environment document",
}
MOST_FLAGS = 500


def read(source: str, content: Any, place: str = "") -> Reading:
    """What a document of another product becomes. `place` names the environment in it, if it has several.

    Raises Refused when the document as a whole is not what the product writes.
    """
    if source not in SOURCES:
        fix = f"Possible are: {', '.join(SOURCES)}."
        raise refuse("source", source, "flags of this product cannot be read", fix)
    found = SOURCES[source](content, place)
    if len(found.drafts) + len(found.left_out) > MOST_FLAGS:
        fix = f"At most {MOST_FLAGS} can be taken over at once: split the file."
        raise refuse("content", len(found.drafts) + len(found.left_out), "these are too many flags", fix)
    return found
