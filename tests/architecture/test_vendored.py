"""What is vendored is what was vendored: whole, unchanged, with its licence."""

import hashlib
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "static" / "vendor"
LINES = (FOLDER / "SHA256SUMS").read_text(encoding="ascii").splitlines()
LISTED = {name: digest for digest, name in (line.split("  ") for line in LINES)}


def test_vendored__every_file__listed_with_its_checksum():
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in FOLDER.iterdir()
        if file.name != "SHA256SUMS"
    }

    assert found == LISTED


def test_vendored__every_script__with_its_licence():
    scripts = {file.name.split(".")[0] for file in FOLDER.glob("*.js")}

    assert {name for name in scripts if not (FOLDER / f"{name}.LICENSE").exists()} == set()
