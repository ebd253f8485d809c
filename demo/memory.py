"""What the demonstration has to remember between two runs and the database must not hold: secrets.

Everything else (what was sent, started, analysed) is read from the platform itself.
"""

import json
import os
from pathlib import Path

FILE = "demo.json"


class Memory:
    """Texts by name in a file that only its owner can read; a cut-short file never replaces a good one."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._texts: dict[str, str] = self._read()

    def recall(self, name: str) -> str | None:
        return self._texts.get(name)

    def keep(self, name: str, text: str) -> None:
        self._texts[name] = text
        half = self._file.with_suffix(".half")
        half.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with open(os.open(half, flags, 0o600), "w", encoding="utf-8") as opened:
            json.dump(self._texts, opened, indent=2)
        half.replace(self._file)

    def _read(self) -> dict[str, str]:
        try:
            texts: dict[str, str] = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return texts
