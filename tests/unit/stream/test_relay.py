"""The relay notes nothing as sent that Kafka has not acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError, KafkaTimeoutError

from firm.store import SqlStore
from stream.relay import Relay
from tests.contract.store.samples import KEY, NOON, record


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
