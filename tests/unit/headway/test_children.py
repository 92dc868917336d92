"""A program of ours runs in a process of its own, recorded, watched and stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from headway.children import ProcessEnded, Program
from headway.parts.record import Record
from tests.stage import until

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
Make = Callable[[str], Program]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Programs that are stopped at the end."""
    made = []

    def program(code: str) -> Program:
        made.append(Program("child", [sys.executable, "-c", code], tmp_path, {"SAID": "hello"}))
        return made[-1]

    yield program
    for one in made:
        one.kill()


def log_of(program: Program) -> str:
    return (program.folder / "log.txt").read_text()


def test_a_program_runs_with_its_log_and_its_record_until_it_is_stopped(make: Make) -> None:
    program = make(SLEEP)
    assert program.pid is None
    program.start()
    program.wait_for(lambda: "up" in log_of(program), 20)
    record = Record.read(program.folder / "process.json")
    assert record
    assert record.process.pid == program.pid
    program.stop()
    assert program.pid is None
    assert record.process.process() is None
    assert not (program.folder / "process.json").exists()


def test_its_environment_is_what_it_was_given_and_none_of_ours(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWAY_SECRET", "ours")
    program = make("import os; print(sorted(os.environ))")
    program.start()
    until(lambda: program.pid is None)
    assert "'SAID'" in log_of(program)
    assert "HEADWAY_SECRET" not in log_of(program)


def test_one_that_ends_while_it_is_waited_for_says_its_last_words(make: Make) -> None:
    program = make("raise SystemExit('no room left')")
    program.start()
    with pytest.raises(ProcessEnded, match=r"child ended by itself.*\n.*no room left"):
        program.wait_for(lambda: False, 20)


def test_one_that_takes_too_long_is_not_waited_for(make: Make) -> None:
    program = make(SLEEP)
    program.start()
    with pytest.raises(ProcessEnded, match=r"was not ready in 0\.1 s; see .*log\.txt"):
        program.wait_for(lambda: False, 0.1)


def test_kill_ends_it_with_its_children(make: Make) -> None:
    program = make(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])")
    program.start()
    program.wait_for(lambda: "up" in log_of(program), 20)
    (child,) = psutil.Process(program.pid).children()
    program.kill()
    assert program.pid is None
    assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE


def test_the_log_before_this_one_is_kept(make: Make) -> None:
    program = make(SLEEP)
    for _ in range(2):
        program.start()
        program.wait_for(lambda: "up" in log_of(program), 20)
        program.stop()
    assert (program.folder / "log.previous.txt").read_text() == "up\n"


def test_what_was_never_started_can_be_stopped_and_killed(make: Make) -> None:
    program = make(SLEEP)
    program.check()
    program.stop()
    program.kill()
