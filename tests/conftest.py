"""What every test run has: folders that mean markers, a browser, and no quiet skip of the browser tests."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests import chromium, nodejs, template
from tests.core.analysis import spark_cluster
from tests.platform import connected, demonstration, platform  # noqa: F401  fixtures of whatever needs the whole platform

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile(
    "same",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")
"""Every run tries the same examples, whatever the machine's speed: a run that fails fails everywhere."""

PATIENT_MS = 30_000
"""How long an expectation of a page may take to come true; the five seconds of Playwright are few where three
runs share two slow processors."""

MARKED_FOLDERS = {"flows": "flow", "browser": "browser", "calibration": "slow"}
HEAVY = (
    "tests/flows/",
    "tests/browser/",
    "tests/javascript/",
    "tests/architecture/test_compose_runs.py",
    "tests/calibration/test_impact_pipeline.py",
    "tests/apps/site/test_broker.py",
)
"""What starts a whole platform, or most of one, or changes for a moment how the Redis of all works."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark by folder. Where workers share the files, what takes longest comes first: the platform, then files
    of many tests."""
    for item in items:
        folder = item.path.parent.name
        if folder in MARKED_FOLDERS:
            item.add_marker(MARKED_FOLDERS[folder])
    yield
    if "PYTEST_XDIST_WORKER" in os.environ:
        sizes = Counter(map(_file, items))
        items.sort(key=lambda item: _place(_file(item), sizes))


def _place(file: str, sizes: Counter[str]) -> tuple[bool, int, str]:
    """What shares a platform keeps the order that it has without workers: it finds what was there before."""
    is_heavy = file.startswith(HEAVY)
    return not is_heavy, 0 if is_heavy else -sizes[file], file


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """The test database is a copy where there is something to copy."""
    from django.db import connection

    connection.settings_dict["TEST"]["TEMPLATE"] = template.name()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files stay whole, and all that is heavy stays on one worker: two platforms at a time would starve."""
    from xdist.scheduler import LoadScopeScheduling

    # It would put files of many tests first by itself.
    config.option.loadscopereorder = False

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "platform" if file.startswith(HEAVY) else file

    return ByFile(config, log)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One Chromium for a file; tests open contexts of their own in it.

    Not for longer: Playwright's loop runs in this thread meanwhile, and tests with loops of their own cannot.
    """
    if chromium.find() is None:
        pytest.skip(chromium.MISSING)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENT_MS)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        opened = playwright.chromium.launch(**chromium.launch_options())
        yield opened
        opened.close()


def _skipped(config: pytest.Config, why: str) -> int:
    """How many tests were skipped for this reason."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return sum(why in str(report.longrepr) for report in reports)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In continuous integration a browser test that did not run is a failure."""
    if os.environ.get("CI") and _skipped(session.config, chromium.MISSING):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    skipped = _skipped(config, chromium.MISSING)
    if skipped:
        terminalreporter.section("browser tests did not run", red=True)
        terminalreporter.line(
            f"{skipped} browser tests were skipped: {chromium.MISSING}. Install Chromium or"
        )
        terminalreporter.line("run `make browser`; with CI set this is a failure.")
    without_node = _skipped(config, nodejs.MISSING)
    if without_node:
        terminalreporter.section("the JavaScript SDK was not tested", red=True)
        terminalreporter.line(f"{without_node} tests were skipped: {nodejs.MISSING}.")
    if _skipped(config, spark_cluster.NOT_THERE):
        terminalreporter.section("the Spark engine was not tested", red=True)
        terminalreporter.line(
            f"{spark_cluster.missing()}. `make spark` installs it and tests it on a cluster."
        )
