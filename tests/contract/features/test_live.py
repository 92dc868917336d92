"""Requests read the same states as everybody else, in one round trip, also after Redis was away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from redis import Redis

from features import pipe, wire
from features.errors import OnlineStoreUnavailable, UnreadableValue
from features.live import LiveStates
from features.online import FeastStates
from features.views import Views
from firm.errors import HeadwayError, WrongSubject
from firm.history import Entry
from firm.ids import EventId, SubjectId
from firm.states import encode_state
from firm.time import DAY
from headway.parts.redis import Redis as RedisServer
from tests.contract.features.test_online import P, group, subject
from tests.stage import PATIENCE_SECONDS
from workflows.delivery_risk import WORKFLOW

NOW = 20_000 * DAY
Found = TypeVar("Found")


def run(url: str, ask: Callable[[LiveStates], Awaitable[Found]]) -> Found:
    """What comes of asking within a loop of its own."""

    async def asked() -> Found:
        live = LiveStates(url, [WORKFLOW])
        try:
            return await ask(live)
        finally:
            await live.close()

    return asyncio.run(asked())


async def one(live: LiveStates, name: SubjectId, as_of: int) -> Any:
    """What is found of one subject; what is wrong with it is raised."""
    (found,) = await live.read_all(WORKFLOW, [(name, as_of)])
    if isinstance(found, HeadwayError):
        raise found
    return found


def read(url: str, as_of: int = NOW, name: SubjectId = P) -> Any:
    return run(url, lambda live: one(live, name, as_of))


def commands(redis: Redis) -> int:
    """How many scripts Redis has run."""
    stats: Any = redis.info("commandstats")
    return int(stats.get("cmdstat_eval", {"calls": 0})["calls"])


def connections(redis: Redis) -> int:
    """How many Redis has accepted."""
    stats: Any = redis.info("stats")
    return int(stats["total_connections_received"])


def address_of(server: asyncio.Server) -> str:
    host, port = server.sockets[0].getsockname()
    return f"redis://{host}:{port}"


def test_it_reads_what_is_written_with_the_groups_of_the_subject(
    redis_url: str, online: FeastStates
) -> None:
    assert read(redis_url) == (None, {})
    online.write(WORKFLOW, [subject()], [group("all", 5), group("owner:o", 2)])
    assert read(redis_url) == online.read(WORKFLOW, P, NOW)
    assert set(read(redis_url)[1]) == {"all", "owner:o"}


def test_a_subject_that_was_read_before_takes_one_round_trip(
    redis: Redis, redis_url: str, online: FeastStates
) -> None:
    online.write(WORKFLOW, [subject()], [group("all", 5), group("owner:o", 2)])

    async def thrice(live: LiveStates) -> list[int]:
        counts = []
        for _ in range(3):
            before = commands(redis)
            assert await one(live, P, NOW) == online.read(WORKFLOW, P, NOW)
            counts.append(commands(redis) - before - 1)  # one is that of `online`
        return counts

    assert run(redis_url, thrice) == [2, 1, 1]


def test_what_has_changed_since_is_read_and_not_remembered(
    redis_url: str, online: FeastStates
) -> None:
    async def ask(live: LiveStates) -> None:
        online.write(WORKFLOW, [subject()], [group("all", 5), group("owner:o", 2)])
        await one(live, P, NOW)
        moved = subject(offset=2)
        entry = Entry(19_500 * DAY, EventId("later"), "project.status_reported", {"owner": "new"})
        moved.history.add(entry)
        online.write(WORKFLOW, [moved], [group("all", 9), group("owner:new", 3)])
        for as_of in (NOW, 19_400 * DAY, NOW, 19_400 * DAY):
            assert await one(live, P, as_of) == online.read(WORKFLOW, P, as_of)

    run(redis_url, ask)


def test_the_state_of_another_is_not_passed_on(
    redis: Redis, redis_url: str, online: FeastStates
) -> None:
    views = Views("headway", WORKFLOW)
    other = wire.blob(encode_state(subject(name=SubjectId("project:q"))))
    redis.hset(views.subjects.key(P), views.subject_state, other)  # type: ignore[arg-type]
    with pytest.raises(WrongSubject, match="project:q"):
        read(redis_url)
    online.write(WORKFLOW, [subject()], [])
    other = wire.blob(encode_state(group("owner:another")))
    redis.hset(views.groups.key("owner:o"), views.group_state, other)  # type: ignore[arg-type]
    with pytest.raises(WrongSubject, match="owner:another"):
        read(redis_url)


def test_a_state_that_is_no_bytes_is_named(redis: Redis, redis_url: str) -> None:
    views = Views("headway", WORKFLOW)
    redis.hset(views.subjects.key(P), views.subject_state, wire.double(1.5))  # type: ignore[arg-type]
    with pytest.raises(UnreadableValue, match=r"1\.5"):
        read(redis_url)


def test_many_at_once_each_get_their_own(redis_url: str, online: FeastStates) -> None:
    names = [SubjectId(f"project:{n}") for n in range(200)]
    online.write(WORKFLOW, [subject(name=name) for name in names], [])

    async def all_at_once(live: LiveStates) -> list[Any]:
        return await asyncio.gather(*(one(live, name, NOW) for name in names))

    assert [state.subject for state, _ in run(redis_url, all_at_once)] == names


def test_several_are_read_in_one_round_trip_each_with_its_own_groups(
    redis: Redis, redis_url: str, online: FeastStates
) -> None:
    """In two where their groups are not known yet; one subject may come several times."""
    names = [SubjectId(f"project:{n}") for n in range(3)]
    states = [subject(name=name) for name in names]
    for number, state in enumerate(states):
        entry = Entry(
            19_500 * DAY, EventId("e"), "project.status_reported", {"owner": f"o{number}"}
        )
        state.history.add(entry)
    online.write(
        WORKFLOW, states[:2], [group("all", 5), group("owner:o0", 2), group("owner:o1", 3)]
    )
    asked = [(names[0], NOW), (names[2], NOW), (names[1], NOW), (names[0], 19_400 * DAY)]

    async def thrice(live: LiveStates) -> list[int]:
        counts = []
        for _ in range(3):
            before = commands(redis)
            found = await live.read_all(WORKFLOW, asked)
            counts.append(commands(redis) - before)
            assert found == [online.read(WORKFLOW, *one) for one in asked]
        return counts

    assert run(redis_url, thrice)[0] == 2
    del asked[-1]
    assert run(redis_url, thrice) == [2, 1, 1]


def test_what_is_wrong_with_one_stands_in_its_place_alone(
    redis: Redis, redis_url: str, online: FeastStates
) -> None:
    views, good, other = (
        Views("headway", WORKFLOW),
        SubjectId("project:good"),
        SubjectId("project:x"),
    )
    online.write(WORKFLOW, [subject(), subject(name=good)], [group("all", 5)])
    redis.hset(views.subjects.key(P), views.subject_state, wire.double(1.5))  # type: ignore[arg-type]
    asked = [(P, NOW), (good, NOW), (other, NOW)]
    bad, found, unheard = run(redis_url, lambda live: live.read_all(WORKFLOW, asked))
    assert isinstance(bad, UnreadableValue)
    assert found == online.read(WORKFLOW, good, NOW)
    assert unheard == (None, {})
    wrong = wire.blob(encode_state(group("owner:another")))
    redis.hset(views.groups.key("all"), views.group_state, wrong)  # type: ignore[arg-type]
    bad, found, unheard = run(redis_url, lambda live: live.read_all(WORKFLOW, asked))
    assert isinstance(found, WrongSubject)
    assert unheard == (None, {})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that can be taken away."""
    started = RedisServer(tmp_path)
    started.start()
    yield started
    started.stop()


def test_redis_away_is_said_and_redis_back_is_used(server: RedisServer) -> None:
    """Killed with requests on their way, and started again: nobody has to connect anew."""
    FeastStates(server.url).write(WORKFLOW, [subject()], [])

    async def ask(live: LiveStates) -> list[Any]:
        async def reads() -> list[Any]:
            asked = [one(live, P, NOW) for _ in range(9)]
            return await asyncio.gather(*asked, return_exceptions=True)

        assert [state for state, _ in await reads()] == [subject()] * 9
        await asyncio.to_thread(server.kill)
        away = [*await reads(), *await reads()]
        assert {type(each) for each in away} == {OnlineStoreUnavailable}
        assert all(each.retry for each in away)
        await asyncio.to_thread(server.start)
        FeastStates(server.url).write(WORKFLOW, [subject()], [])
        return await reads()

    assert [state for state, _ in run(server.url, ask)] == [subject()] * 9


def test_a_redis_that_hangs_is_given_up(
    redis: Redis, redis_url: str, online: FeastStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "TIMEOUT_SECONDS", 0.2)
    online.write(WORKFLOW, [subject()], [])

    async def ask(live: LiveStates) -> None:
        assert (await one(live, P, NOW))[0] == subject()
        redis.execute_command("CLIENT", "PAUSE", "1000", "ALL")  # type: ignore[no-untyped-call]
        with pytest.raises(OnlineStoreUnavailable):
            await one(live, P, NOW)
        time.sleep(1)
        assert (await one(live, P, NOW))[0] == subject()

    run(redis_url, ask)


def test_all_who_ask_while_it_connects_share_one_connection(redis: Redis, redis_url: str) -> None:
    """Somebody asks in each turn of the loop, also between made and told."""

    async def ask(live: LiveStates) -> int:
        before = connections(redis)
        asked = [asyncio.create_task(one(live, P, NOW))]
        while not asked[0].done():
            await asyncio.sleep(0)
            asked.append(asyncio.create_task(one(live, P, NOW)))
        await asyncio.gather(*asked)
        return connections(redis) - before

    assert run(redis_url, ask) == 1


def test_a_connection_that_is_still_made_at_the_end_is_given_back() -> None:
    async def asked() -> bytes:
        ended = asyncio.get_running_loop().create_future()

        async def accept(came: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
            ended.set_result(await came.read())
            answer.close()

        server = await asyncio.start_server(accept, "127.0.0.1")
        live = LiveStates(address_of(server), [WORKFLOW])
        async with server, asyncio.timeout(PATIENCE_SECONDS):
            asking = asyncio.create_task(one(live, P, NOW))
            await asyncio.sleep(0)
            asking.cancel()
            await live.close()
            return bytes(await ended)

    assert asyncio.run(asked()) == b"", "nobody was left to ask anything"


def test_a_connection_that_is_lost_while_it_is_made_refuses_who_waited_for_it(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(connection: Any, _: object) -> None:
        await connection.end()

    async def ask(live: LiveStates) -> list[Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            asked = (one(live, P, NOW) for _ in range(3))
            return await asyncio.gather(*asked, return_exceptions=True)

    monkeypatch.setattr(pipe, "_introduce", lost)
    assert [type(each) for each in run(redis_url, ask)] == [OnlineStoreUnavailable] * 3


def test_a_password_and_a_database_are_those_of_the_address(redis: Redis, redis_url: str) -> None:
    redis.execute_command("ACL", "SETUSER", "who", "on", ">secret", "~*", "+@all")  # type: ignore[no-untyped-call]
    address = redis_url.replace("redis://", "redis://who:secret@").replace("/0", "/3")
    FeastStates(address).write(WORKFLOW, [subject()], [])
    assert read(address)[0] == subject()
    assert read(redis_url)[0] is None
    with pytest.raises(OnlineStoreUnavailable, match="WRONGPASS"):
        read(address.replace("secret", "wrong"))
