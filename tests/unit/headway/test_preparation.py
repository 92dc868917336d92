"""What prepares a part ends, with all that it started, once the start is given up."""

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from headway.parts.identity import Identity
from headway.parts.preparation import Preparation

A_FAMILY = ("/bin/sh", "-c", "sleep 60 & echo $! > child; wait")


def test_cancel_ends_the_program_and_what_it_started(tmp_path: Path) -> None:
    preparation, failed = Preparation(), threading.Event()

    def run() -> None:
        with pytest.raises(subprocess.CalledProcessError):
            preparation.run(A_FAMILY, folder=tmp_path, seconds=60, account=None)
        failed.set()

    threading.Thread(target=run, daemon=True).start()
    eventually(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text() != "")
    child = Identity.of(int((tmp_path / "child").read_text()))
    preparation.cancel()
    assert failed.wait(10)
    assert child.ended_within(10)


def test_nothing_starts_after_cancel_until_it_is_allowed_again(tmp_path: Path) -> None:
    preparation = Preparation()
    preparation.cancel()
    with pytest.raises(subprocess.SubprocessError, match="told to stop"):
        preparation.run(["/bin/true"], folder=tmp_path, seconds=10, account=None)
    preparation.allow()
    preparation.run(["/bin/true"], folder=tmp_path, seconds=10, account=None)


def test_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        Preparation().run(["/bin/sleep", "60"], folder=tmp_path, seconds=0.1, account=None)
    assert [p for p in psutil.Process().children() if p.name() == "sleep"] == []


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
