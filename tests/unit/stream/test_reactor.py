"""A reactor turns records into committed effects, each record once, whatever is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from firm.errors import Fenced
from firm.store import SqlStore
from firm.time import DAY
from stream.reactor import Reactor
from stream.reader import Reader, Record
from tests.stage import CANONICAL, KEY, NOON, SLUG, NoModel, report, request
from workflows.delivery_risk import WORKFLOW


class Online:
    """An online store that keeps what it is given, or breaks."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.broken = False

    def write(
        self, _: object, subjects: Sequence[Any], groups: Sequence[Any], *_groups: object
    ) -> None:
        if self.broken:
            raise RuntimeError("away")
        self.written += [state.subject for state in subjects]

    def read(self, *_: object) -> Any:
        raise NotImplementedError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = SqlStore(f"sqlite:///{tmp_path}/headway.db", KEY)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def online() -> Online:
    return Online()


@pytest.fixture
def open_(store: SqlStore, online: Online) -> Callable[[], Reactor]:
    """Open the stream, as each worker that starts does."""

    def reactor() -> Reactor:
        opened = store.open_stream(WORKFLOW)
        slugs = frozenset({SLUG, "another"})
        return Reactor(WORKFLOW, opened, Reader(CANONICAL), NoModel(), online, slugs)

    return reactor


@pytest.fixture
def reactor(open_: Callable[[], Reactor]) -> Reactor:
    return open_()


def recorded(*payloads: bytes, start: int = 0) -> list[Record]:
    return [Record(start + n, NOON + 10 * DAY, payload) for n, payload in enumerate(payloads)]


def test_a_batch_is_committed_and_then_served(
    reactor: Reactor, store: SqlStore, online: Online
) -> None:
    effects = reactor.take(recorded(report("a"), report("b", "p2")), NOON)
    assert effects
    assert len(effects.decisions) == len(list(store.decisions(SLUG))) == 2
    assert online.written == ["project:p1", "project:p2"]
    assert reactor.next_offset == store.offset(SLUG) + 1 == 2


def test_a_record_that_was_taken_in_is_skipped(reactor: Reactor, store: SqlStore) -> None:
    batch = recorded(report("a"), report("b", day=1))
    reactor.take(batch, NOON)
    assert reactor.take(batch, NOON) is None
    reactor.take([*batch, *recorded(report("c", day=2), start=2)], NOON)
    tallies = store.tallies(SLUG).total
    assert (tallies.counted, tallies.duplicate) == (3, 0)


def test_the_next_worker_goes_on_where_the_last_has_committed(
    open_: Callable[[], Reactor],
) -> None:
    open_().take(recorded(report("a")), NOON)
    assert open_().next_offset == 1


def test_what_is_no_event_is_put_aside_whole_and_counted(reactor: Reactor, store: SqlStore) -> None:
    reactor.take(recorded(b"\x00\xff", report("a"), b""), NOON)
    assert [(letter.offset, letter.payload) for letter in store.dead_letters()] == [
        (0, b"\x00\xff"),
        (2, b""),
    ]
    assert store.tallies(SLUG).total.rejected == 2
    assert store.tallies(SLUG).total.counted == 1


def test_a_request_for_another_workflow_is_left_to_that_one(
    reactor: Reactor, store: SqlStore
) -> None:
    reactor.take(recorded(report("a"), request("r", workflow="another")), NOON)
    assert reactor.next_offset == 2
    assert store.dead_letters() == []
    assert len(list(store.decisions(SLUG))) == 1


def test_a_request_for_a_workflow_that_nobody_declared_is_put_aside(
    reactor: Reactor, store: SqlStore
) -> None:
    reactor.take(recorded(request("r", workflow="nothing")), NOON)
    (letter,) = store.dead_letters()
    assert letter.kind == "unknown-workflow"
    assert "declared are ['another', 'delivery_risk']" in letter.reason


def test_a_commit_that_fails_ends_the_reactor_and_is_not_served(
    reactor: Reactor, open_: Callable[[], Reactor], store: SqlStore, online: Online
) -> None:
    """Its memory has run ahead of the database, so it must not go on; the next one can."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("firm.store.stream.write_effects", broken)
        with pytest.raises(RuntimeError, match="no room"):
            reactor.take(recorded(report("a")), NOON)
    assert online.written == []
    with pytest.raises(Fenced, match="run ahead"):
        reactor.take(recorded(report("a")), NOON)
    open_().take(recorded(report("a")), NOON)
    assert store.tallies(SLUG).total.counted == 1


def test_what_redis_has_missed_is_in_the_database(
    reactor: Reactor, open_: Callable[[], Reactor], online: Online
) -> None:
    """The transaction comes first; a batch that was committed is not taken in again."""
    online.broken = True
    with pytest.raises(RuntimeError, match="away"):
        reactor.take(recorded(report("a")), NOON)
    after = open_()
    assert after.next_offset == 1
    assert after.take(recorded(report("a")), NOON) is None


def broken(*_: object) -> None:
    raise RuntimeError("no room on the disk")
