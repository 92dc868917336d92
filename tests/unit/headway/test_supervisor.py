"""What ends by itself is started again, with growing patience, until it is let be."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from headway import supervisor
from headway.parts import PartError
from headway.supervisor import Supervisor
from tests.stage import until


class Fake:
    """A program that can be ended, and may not come up again at once."""

    def __init__(self, name: str = "one", refusals: int = 0) -> None:
        self.name = name
        self.pid: int | None = 1
        self.starts = 0
        self.silence: float | None = None
        self.age = 0.0
        self.kills = 0
        self._refusals = refusals

    def start(self) -> None:
        self.starts += 1
        if self.starts <= self._refusals:
            raise PartError("not yet")
        self.pid = self.starts + 1

    def kill(self) -> None:
        self.kills += 1
        self.pid = self.silence = None
        self.age = 0.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_SECONDS", 0.002)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def fakes() -> list[Fake]:
    return [Fake("one"), Fake("two", refusals=3)]


@pytest.fixture
def kept(fakes: list[Fake]) -> Iterator[Supervisor]:
    watching = Supervisor(fakes, fakes[:1], hung_seconds=10, start_seconds=100)
    watching.start()
    yield watching
    watching.stop()


def test_what_ends_is_started_again(kept: Supervisor, fakes: list[Fake]) -> None:
    for end in range(3):
        fakes[0].pid = None
        until(lambda: fakes[0].pid is not None)
        assert fakes[0].starts == end + 1
    assert fakes[1].starts == 0


def test_a_start_that_fails_is_tried_again(kept: Supervisor, fakes: list[Fake]) -> None:
    fakes[1].pid = None
    until(lambda: fakes[1].pid is not None)
    assert fakes[1].starts == 4


def test_what_lives_and_does_not_advance_is_ended_and_started_again(
    kept: Supervisor, fakes: list[Fake]
) -> None:
    fakes[0].silence = 9.9
    threading.Event().wait(0.03)
    assert fakes[0].kills == 0
    with capture_logs() as said:
        fakes[0].silence = 10.1
        until(lambda: fakes[0].starts == 1)
    assert fakes[0].kills == 1
    assert said[0]["event"] == "hangs, and is ended"
    assert (said[0]["what"], said[0]["silent_seconds"]) == ("one", 10.1)


def test_what_has_told_nothing_since_its_start_is_ended_after_the_limit(
    kept: Supervisor, fakes: list[Fake]
) -> None:
    fakes[0].age = 99.9
    threading.Event().wait(0.03)
    assert fakes[0].kills == 0
    with capture_logs() as said:
        fakes[0].age = 100.1
        until(lambda: fakes[0].starts == 1)
    assert fakes[0].kills == 1
    assert said[0]["event"] == "hangs in its start, and is ended"
    assert (said[0]["what"], said[0]["started_seconds_ago"]) == ("one", 100.1)


def test_what_has_told_and_is_about_to_end_in_good_order_is_let_be(
    kept: Supervisor, fakes: list[Fake]
) -> None:
    fakes[0].silence = 0.1
    threading.Event().wait(0.03)
    fakes[0].silence, fakes[0].age = None, 500.0
    threading.Event().wait(0.03)
    assert fakes[0].kills == 0


def test_nothing_is_started_once_it_is_let_be(kept: Supervisor, fakes: list[Fake]) -> None:
    kept.stop()
    fakes[0].pid = None
    threading.Event().wait(0.03)
    assert fakes[0].starts == 0


def test_stopping_before_it_has_begun_does_nothing() -> None:
    Supervisor([]).stop()


def test_patience_doubles_up_to_a_limit_and_starts_anew_after_a_calm_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_SECONDS", 1.0)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_SECONDS", 5.0)
    clock = iter([100.0, 101.0, 102.0, 103.0, 104.0, 4_000.0])
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: next(clock))
    watching, one = Supervisor([]), Fake()
    assert [watching._patience(one) for _ in range(6)] == [1.0, 2.0, 4.0, 5.0, 5.0, 1.0]
