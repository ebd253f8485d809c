"""What one flag's definition holds, and changing one thing in it. Pure: no database, no evaluation.

A definition is the flag's entry in the configuration document (docs/reference/flag-format.md), kept as it
will be delivered. Whether it is acceptable is decided by the SDK's compiler, never here.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Definition = Mapping[str, Any]
WHOLE_PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class ExperimentRule:
    """What an experiment asks of a flag: arms as (variant, share in ppm), coverage of the flag's units."""

    experiment: str
    arms: tuple[tuple[str, int], ...]
    coverage_ppm: int
    layer: str = ""


def checksum(definition: Definition) -> str:
    """SHA-256 over the canonical text."""
    text = json.dumps(definition, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
