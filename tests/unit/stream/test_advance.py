"""Alive is not advancing: what stands while records wait is told from what goes on."""

from __future__ import annotations

from stream.advance import Advance
from stream.progress import STALL_SECONDS

LATER = STALL_SECONDS + 1


def test_who_has_taken_in_all_does_not_stand_however_long_nothing_comes() -> None:
    advance = Advance()
    for at in (0.0, LATER, 10 * LATER):
        assert not advance.look(at, 5, {"a": 5})["a"].stalled


def test_who_takes_nothing_in_while_records_wait_stands() -> None:
    advance = Advance()
    assert not advance.look(0, 5, {"a": 3})["a"].stalled
    lag = advance.look(LATER, 9, {"a": 3})["a"]
    assert (lag.stalled, lag.records, lag.stands_seconds) == (True, 6, LATER)


def test_who_is_behind_and_goes_on_does_not_stand() -> None:
    advance = Advance()
    assert not any(advance.look(n * LATER, 99, {"a": n})["a"].stalled for n in range(9))


def test_the_time_counts_from_when_records_began_to_wait() -> None:
    advance = Advance()
    advance.look(0, 5, {"a": 5})
    assert not advance.look(LATER, 6, {"a": 5})["a"].stalled
    assert advance.look(2 * LATER + 1, 6, {"a": 5})["a"].stalled


def test_each_workflow_stands_for_itself() -> None:
    advance = Advance()
    advance.look(0, 9, {"a": 3, "b": 3})
    found = advance.look(LATER, 9, {"a": 3, "b": 4})
    assert (found["a"].stalled, found["b"].stalled) == (True, False)
