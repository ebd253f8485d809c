"""docs/how-to/install.md names every environment variable that the code reads, and no other."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
READ_BY_CODE = re.compile(r'"(DATABASE_URL|REDIS_URL|REMAP_SIGTERM|NO_COLOR|HEADWAY_[A-Z_]+[A-Z])"')
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def variables_in_code():
    files = [*(ROOT / "config").rglob("*.py"), ROOT / "tests" / "chromium.py"]
    return {name for file in files for name in READ_BY_CODE.findall(file.read_text(encoding="utf-8"))}


def documented():
    rows = [line.split("|")[1] for line in PAGE.splitlines() if re.match(r"\| `[A-Z]", line)]
    return {name for cell in rows for name in re.findall(r"`([A-Z_]+)`", cell)}


def test_page__variables__exactly_those_the_code_reads():
    assert documented() == variables_in_code()


def test_page__variables_of_the_compose_file__all_explained():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))

    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_page__defaults__those_of_the_code():
    environment = (ROOT / "config" / "environment.py").read_text(encoding="utf-8")

    for name in ("HEADWAY_WEB_URL", "HEADWAY_EDGE_URL"):
        default = re.search(rf'"{name}", "([^"]+)"', environment)[1]
        assert f"| `{name}` | `{default}` |" in PAGE


def test_page__services__those_of_the_compose_file():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]

    for name in ("web", "edge", "worker", "beat"):
        assert name in services
        assert f"| {name} |" in PAGE


def test_documents__make_targets__exist():
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = {target for page in pages for target in make_targets(page.read_text(encoding="utf-8"))}

    assert {"demo", "test", "serve", "manage"} <= named <= targets


def make_targets(text):
    """Targets in blocks of commands and between backticks; prose may well begin a line with "make"."""
    prose, blocks = "".join(text.split("```")[::2]), "".join(text.split("```")[1::2])
    return {*re.findall(r"`make ([a-z-]+)", prose), *re.findall(r"^make ([a-z-]+)", blocks, re.MULTILINE)}
