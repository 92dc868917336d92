"""The relay notes nothing as sent that Kafka has not acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka.errors import KafkaError, KafkaTimeoutError

from firm.decision import Action
from firm.errors import TryLater
from firm.handlers import actions
from firm.ids import SubjectId
from firm.patience import ACTIONS as PATIENCE
from firm.store import SqlStore
from firm.time import DAY
from stream.relay import Relay
from tests.contract.store.samples import KEY, NOON, SLUG, record, record_all, taken
from workflows.delivery_risk import WORKFLOW


class Producer:
    """A producer whose broker goes away after some records."""

    def __init__(self, acknowledges: int) -> None:
        self._left = acknowledges

    async def send(self, *_: object, **__: object) -> asyncio.Future[Any]:
        answer = asyncio.get_running_loop().create_future()
        if self._left:
            answer.set_result(None)
        else:
            answer.set_exception(KafkaTimeoutError())
        self._left = max(0, self._left - 1)
        return answer


class Target:
    def perform(self, *_: object) -> str:
        return "done"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = SqlStore(f"sqlite:///{tmp_path}/headway.db", KEY)
    opened.migrate()
    yield opened
    opened.close()


@pytest.mark.parametrize("acknowledged", [0, 2])
def test_what_kafka_did_not_acknowledge_stays_pending(store: SqlStore, acknowledged: int) -> None:
    for cause in ("a", "b", "c"):
        record(store, cause)
    relay = Relay(store, Producer(acknowledged), Target(), lambda: NOON)  # type: ignore[arg-type]
    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(asyncio.wait_for(relay.run(), 10))
    assert raised.group_contains(KafkaError)
    assert len(store.pending("decision")) == 3


@pytest.mark.parametrize("turns", range(6))
def test_a_relay_that_is_woken_as_it_is_told_to_stop_stops(store: SqlStore, turns: int) -> None:
    """However many turns of the loop lie between the two."""

    async def run() -> bool:
        relay = Relay(store, Producer(99), Target(), lambda: NOON)  # type: ignore[arg-type]
        task = asyncio.create_task(relay.run())
        await asyncio.sleep(0.1)
        relay.wake()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        stopped = task.done()
        task.cancel()
        return stopped

    assert asyncio.run(run())


class Poisoned:
    """A system of record that always fails at one subject's actions, and does all others."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def perform(self, action: Action) -> str:
        self.asked.append(action.subject)
        if action.subject == "project:bad":
            raise TryLater("answered 500")
        return "done"


def test_an_action_that_always_fails_holds_up_nobody_and_ends(store: SqlStore) -> None:
    """It is put off longer and longer, at last it is failed for good, and its subject goes on."""
    for n, subject in enumerate(["project:bad", "project:1", "project:2"]):
        one = msgspec.structs.replace(taken(f"ask {n}", 0.9), subject=SubjectId(subject))
        record_all(store, [(one, actions(WORKFLOW, one))])
    each = len(store.due_actions(NOON, 10)) // 3
    assert each
    target, at = Poisoned(), NOON

    async def run() -> None:
        relay = Relay(store, Producer(99), target, lambda: at, lambda: 0.5)  # type: ignore[arg-type]
        task = asyncio.create_task(relay.run())
        async with asyncio.timeout(30):
            while store.pending("action"):
                relay.wake()
                await asyncio.sleep(0.01)
                forward()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def forward() -> None:
        nonlocal at
        at += DAY

    asyncio.run(run())
    assert target.asked.count("project:1") == target.asked.count("project:2") == each
    assert target.asked[: 2 * each + 1].count("project:bad") == 1
    assert target.asked.count("project:bad") == each * PATIENCE.tries
    statuses = {a.failure for d in store.decisions(SLUG) for a in store.actions_of(d.id)}
    assert statuses == {None, f"given up after {PATIENCE.tries} tries: answered 500"}
