"""What all tests share: seeds that are printed, and the option that makes a skip a failure."""

from __future__ import annotations

import faulthandler
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from headway.parts import Parts
from headway.settings import Settings

TEARDOWN_SECONDS = 180

settings.register_profile(
    "headway",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("headway")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails the run")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files of `unit` first, then those with the most tests: xdist hands out whole files in
    this order, and one that takes minutes must not begin when the other worker is through."""
    counts = Counter(item.path for item in items)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    first = {path for path in slow if "unit" in path.parts}
    items.sort(key=lambda item: (item.path not in first, -counts[item.path]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    if report.skipped and item.config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and --no-skips forbids it"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """What a test that ran out of its time leaves behind must not hold up the run for ever."""
    faulthandler.dump_traceback_later(TEARDOWN_SECONDS, exit=True)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Real Kafka, PostgreSQL and Redis, one of each for a worker of pytest-xdist.

    Who kills them, or needs the log to itself, starts its own.
    """
    folder = tmp_path_factory.mktemp("parts")
    with Parts.start(folder, cache=Settings().cache_folder) as started:
        yield started
