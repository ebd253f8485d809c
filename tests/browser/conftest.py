"""A person who is logged in to the console with the demonstration's data, and the accessibility checker."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests import nodejs
from tests.browser.visiting import visit


@pytest.fixture(scope="session")
def cookies(tmp_path_factory) -> Path:
    """Where the first who logs in leaves them for all."""
    file: Path = tmp_path_factory.mktemp("browser") / "state.json"
    return file


@pytest.fixture(scope="module")
def logged_in(browser, platform, demonstration, cookies) -> Path:
    """The file with the cookies of a log-in through the form."""
    if not cookies.exists():
        _log_in(browser, platform, demonstration, cookies)
    return cookies  # type: ignore[no-any-return]


def _log_in(browser, platform, demonstration, cookies) -> None:
    with visit(browser, platform.web_url) as opened:
        opened.open("/")
        opened.page.get_by_label("Name", exact=True).fill("demo")
        opened.page.get_by_label("Password").fill(demonstration.password)
        opened.send(opened.page.get_by_role("button", name="Log in"))
        opened.page.get_by_role("navigation", name="Main").wait_for()
        assert opened.trouble == []
        opened.page.context.storage_state(path=cookies)


@pytest.fixture(scope="session")
def axe() -> str:
    """The checker's text, installed once."""
    if not nodejs.is_there():
        pytest.skip(nodejs.MISSING)
    folder = Path(__file__).parent / "axe"
    file = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        npm = shutil.which("npm") or "npm"
        done = subprocess.run([npm, "ci"], cwd=folder, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
    return file.read_text()
