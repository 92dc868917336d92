"""Decisions that come together share a transaction, and each who waits hears what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from firm.decision import Decision, as_json
from firm.errors import StoreUnavailable
from firm.handlers import actions
from firm.store import SqlStore, group_commit
from firm.store.group_commit import Asked, GroupCommit
from headway.parts.postgres import Postgres
from tests.contract.store.samples import KEY, record, rows, taken, unsaid
from workflows.delivery_risk import WORKFLOW

Found = TypeVar("Found")
TABLES = ("decision", "action", "outbox", "audit_link", "audit_head")


async def recorded(group: GroupCommit, decisions: Sequence[Decision]) -> list[Any]:
    """What each gets that asks for itself."""
    asked = [group.record_all([(one, actions(WORKFLOW, one))]) for one in decisions]
    found = await asyncio.gather(*asked, return_exceptions=True)
    return [one if isinstance(one, BaseException) else one[0] for one in found]


def run(store: SqlStore, ask: Callable[[GroupCommit], Awaitable[Found]]) -> Found:
    """What comes of asking a recorder within a loop of its own."""

    async def asked() -> Found:
        group = store.recorder("http:1")
        try:
            return await ask(group)
        finally:
            await group.close()

    return asyncio.run(asked())


def test_what_is_recorded_in_groups_is_what_is_recorded_one_by_one(
    store: SqlStore, url: str
) -> None:
    decisions = [taken(f"ask-{n}", n / 20) for n in range(20)]
    assert run(store, partial(recorded, decisions=decisions)) == decisions
    assert store.verify() == 20
    assert {one.action for d in decisions for one in store.actions_of(d.id)} == {
        one for d in decisions for one in actions(WORKFLOW, d)
    }
    pending = {(row.kind, row.payload) for row in store.pending()}
    assert {payload for kind, payload in pending if kind == "decision"} == set(
        map(as_json, decisions)
    )
    automatic = {as_json(a) for d in decisions for a in actions(WORKFLOW, d) if not a.approval}
    assert {payload for kind, payload in pending if kind == "action"} == automatic
    assert automatic


def test_who_asks_again_gets_the_first_answer_and_nothing_is_written(
    store: SqlStore, url: str
) -> None:
    first, _ = record(store, "ask-1", 0.7)
    left = {table: rows(url, table) for table in TABLES}
    (again,) = run(store, partial(recorded, decisions=[taken("ask-1", 0.9)]))
    assert as_json(again) == as_json(first)
    assert {table: rows(url, table) for table in TABLES} == left


def test_one_key_sixty_four_times_at_once_is_one_decision(store: SqlStore, url: str) -> None:
    """The first counts, with its actions and no others."""
    one = [taken("ask-1", 0.7), *(taken("ask-1", 0.1) for _ in range(63))]
    got = run(store, partial(recorded, decisions=one))
    assert {as_json(decision) for decision in got} == {as_json(one[0])}
    assert len(rows(url, "decision")) == len(rows(url, "audit_link")) == 1
    todo = actions(WORKFLOW, one[0])
    assert len(rows(url, "action")) == len(todo)
    assert len(rows(url, "outbox")) == 1 + len([a for a in todo if a.approval is None])


@pytest.mark.parametrize("writer", ["http:1", "http:2"])
def test_two_processes_that_record_the_same_in_groups_agree(
    store: SqlStore, url: str, writer: str
) -> None:
    """Whether each has a chain of its own or both write to one."""

    async def both() -> tuple[list[Any], list[Any]]:
        one, other = store.recorder("http:1"), store.recorder(writer)
        asked = [taken(f"ask-{n}", n / 40) for n in range(40)]
        changed = [taken(f"ask-{n}", 1 - n / 40) for n in reversed(range(40))]
        found = await asyncio.gather(recorded(one, asked), recorded(other, changed))
        await asyncio.gather(one.close(), other.close())
        return found

    one, other = asyncio.run(both())
    assert one == other[::-1]
    assert store.verify() == len(rows(url, "decision")) == 40


def test_groups_behind_one_that_is_not_written_are_written_all_the_same(
    store: SqlStore, url: str
) -> None:
    """They were sent before it was known: once because it was there, once because it cannot be."""
    first, _ = record(store, "ask-0", 0.7)
    silent = unsaid(taken("ask-3", 0.7))

    async def ask(group: GroupCommit) -> list[Any]:
        (known,) = await group.record_all([(taken("ask-1"), [])])
        again = [[taken("ask-0", 0.1), taken("ask-2")], [taken("ask-4")]]
        asked = [group.record_all([(one, []) for one in each]) for each in again]
        found = await asyncio.gather(*asked)
        wrong = asyncio.create_task(group.record_all([(taken("ask-5", 0.7), silent)]))
        for _ in range(3):
            await asyncio.sleep(0)
        both = wrong, group.record_all([(taken("ask-6"), [])])
        return [known, *found, *await asyncio.gather(*both, return_exceptions=True)]

    known, there, behind, failed, last = run(store, ask)
    assert [known, there, behind] == [taken("ask-1"), [first, taken("ask-2")], [taken("ask-4")]]
    assert "null" in str(failed).lower()
    assert last == [taken("ask-6")]
    assert store.verify() == len(rows(url, "decision")) == 5


def test_alone_it_is_written_at_once_and_behind_a_commit_a_group_gathers() -> None:
    groups: list[int] = []
    gate = asyncio.Event()

    async def commit(asked: Sequence[Asked]) -> list[Decision]:
        groups.append(len(asked))
        await gate.wait()
        return [one for one, _ in asked]

    async def ask() -> list[Any]:
        group = GroupCommit(commit)
        first = asyncio.create_task(recorded(group, [taken("first")]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        rest = asyncio.create_task(recorded(group, [taken(f"ask-{n}") for n in range(9)]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate.set()
        return [*await first, *await rest]

    assert len(asyncio.run(ask())) == 10
    assert groups == [1, 9]


@pytest.mark.parametrize("in_flight", [1, 2])
def test_who_asks_again_as_soon_as_they_are_answered_is_answered_again(in_flight: int) -> None:
    async def commit(asked: Sequence[Asked]) -> list[Decision]:
        return [decision for decision, _ in asked]

    async def asked() -> None:
        group = GroupCommit(commit, in_flight=in_flight)

        async def twice(name: str) -> None:
            for number in range(2):
                await group.record_all([(taken(f"{name}-{number}", 0.5), ())])

        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            for name in ("a", "b"):
                tasks.create_task(twice(name))

    asyncio.run(asked())


def test_who_asks_for_several_gets_each_of_them_in_their_order(store: SqlStore) -> None:
    """Also beside others in one group, of whom some have gone."""
    mine = [[taken(f"ask-{n}-{place}", place / 8) for place in range(7)] for n in range(4)]

    async def ask(group: GroupCommit) -> list[Any]:
        asked = [
            asyncio.create_task(group.record_all([(one, actions(WORKFLOW, one)) for one in each]))
            for each in mine
        ]
        await asyncio.sleep(0)
        asked[1].cancel()
        found = await asyncio.gather(*asked, return_exceptions=True)
        return [found[0], *found[2:]]

    assert run(store, ask) == [mine[0], *mine[2:]]


def test_more_than_a_socket_takes_at_once_is_written_whole(store: SqlStore, url: str) -> None:
    long = {f"feature {n}": float(n) for n in range(100)}
    many = [
        msgspec.structs.replace(taken(f"ask-{n}"), features=long)  # 2 MB in all
        for n in range(600)
    ]
    assert run(store, lambda group: group.record_all([(one, []) for one in many])) == many
    assert store.verify() == len(rows(url, "decision")) == 600


def test_what_came_at_once_is_one_group_and_no_group_grows_beyond_its_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "MOST", 10)
    groups: list[int] = []

    async def commit(asked: Sequence[Asked]) -> list[Decision]:
        groups.append(len(asked))
        return [one for one, _ in asked]

    async def ask() -> None:
        group = GroupCommit(commit)
        sizes = (4, 5, 2, 12, 1, 9)
        await asyncio.gather(*(group.record_all([(taken("a"), [])] * size) for size in sizes))

    asyncio.run(ask())
    assert groups == [9, 2, 12, 10]


def test_a_group_that_fails_is_told_to_each_who_waits_and_the_next_one_is_written(
    tmp_path: Path,
) -> None:
    """PostgreSQL is killed before a group comes, and started again."""
    postgres = Postgres(tmp_path)
    postgres.start()
    url = postgres.create_database("killed")
    store = SqlStore(url, KEY)
    store.migrate()
    store.close()

    async def ask(group: GroupCommit) -> tuple[list[Any], list[Any]]:
        assert await recorded(group, [taken("before")]) == [taken("before")]
        postgres.kill()
        failed = await recorded(group, [taken(f"ask-{n}") for n in range(9)])
        await asyncio.to_thread(postgres.start)
        return failed, await recorded(group, [taken(f"ask-{n}") for n in range(9)])

    failed, again = run(store, ask)
    assert [type(each) for each in failed] == [StoreUnavailable] * 9
    assert all(each.retry for each in failed)
    assert again == [taken(f"ask-{n}") for n in range(9)]
    assert store.verify() == 10
    store.close()
    postgres.stop()


def test_an_error_of_the_group_is_given_to_each_as_it_is(store: SqlStore, url: str) -> None:
    silent = unsaid(taken("ask-3", 0.7))

    async def ask(group: GroupCommit) -> tuple[Any, Any]:
        failed = await asyncio.gather(
            group.record_all([(taken("ask-2", 0.7), silent)]), return_exceptions=True
        )
        return failed, await recorded(group, [taken("ask-4")])

    (failed,), again = run(store, ask)
    assert "null" in str(failed).lower()
    assert again == [taken("ask-4")]
    assert store.verify() == len(rows(url, "decision")) == 1


@pytest.mark.parametrize("count", [1, 64])
def test_nobody_who_goes_away_takes_the_others_with_them(store: SqlStore, count: int) -> None:
    async def ask(group: GroupCommit) -> list[Any]:
        gone = [asyncio.create_task(recorded(group, [taken(f"gone-{n}")])) for n in range(count)]
        stays = asyncio.create_task(recorded(group, [taken(f"ask-{n}") for n in range(count)]))
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        return await stays

    assert run(store, ask) == [taken(f"ask-{n}") for n in range(count)]
