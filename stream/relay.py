"""The relay: what a committed transaction put into the outbox goes out, at least once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import structlog
from aiokafka import AIOKafkaProducer

from firm.decision import Action
from firm.envelope import Envelope, seal_envelope
from firm.errors import HeadwayError
from firm.handlers import act
from firm.ids import ActionId
from firm.ports import ActionTarget
from firm.store import OutboxRow, SqlStore
from firm.time import Micros, to_datetime
from stream.topics import DECISIONS

CHUNK = 500
IDLE_SECONDS = 0.5
"""How long the relay sleeps when nothing wakes it: others (HTTP, approvals) fill the outbox too."""

log = structlog.get_logger(__name__)


class Relay:
    """Sends decisions to their topic and automatic actions to the system of record."""

    def __init__(
        self,
        store: SqlStore,
        producer: AIOKafkaProducer,
        target: ActionTarget | None,
        now: Callable[[], Micros],
    ) -> None:
        self._store = store
        self._producer = producer
        self._target = target
        self._now = now
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something has been committed."""
        self._wake.set()

    async def run(self) -> None:
        """Relay until cancelled; an error of a part that is away is waited out."""
        while True:
            try:
                while await self._relay_some():
                    pass
            except HeadwayError as error:
                if not error.retry:
                    raise
                log.warning("relay waits", reason=str(error))
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS)
            except TimeoutError:
                continue

    async def _relay_some(self) -> bool:
        rows = await asyncio.to_thread(self._store.pending, CHUNK)
        await self._publish([row for row in rows if row.kind == "decision"])
        for row in rows:
            if row.kind == "action":
                await asyncio.to_thread(self._act, row)
        await asyncio.to_thread(self._store.mark_sent, [row.seq for row in rows], self._now())
        return bool(rows)

    async def _publish(self, rows: Sequence[OutboxRow]) -> None:
        sent = [
            await self._producer.send(
                DECISIONS, _decision_event(row, self._now()), key=row.key.encode()
            )
            for row in rows
        ]
        if sent:
            await asyncio.gather(*sent)

    def _act(self, row: OutboxRow) -> None:
        action = msgspec.json.decode(row.payload, type=Action)
        if self._target is None:
            return
        reference = act(action, self._target)
        self._store.action_done(ActionId(action.id), reference, "relay", self._now())


def _decision_event(row: OutboxRow, at: Micros) -> bytes:
    return seal_envelope(
        Envelope(
            id=row.key,
            source="/headway",
            type="headway.decision.taken",
            time=to_datetime(at),
            data=msgspec.Raw(row.payload),
        )
    )
