"""The relay: what a committed transaction put into the outbox goes out, at least once, in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec
import structlog
from aiokafka import AIOKafkaProducer

from firm.decision import Action
from firm.envelope import Envelope, seal_envelope
from firm.errors import HeadwayError, TryLater
from firm.handlers import act
from firm.patience import ACTIONS as PATIENCE
from firm.ports import ActionTarget
from firm.store import OutboxRow, Settled, SqlStore
from firm.time import Micros, to_datetime
from stream.topics import DECISIONS

CHUNK = 500
ACTIONS = 50
"""So many actions are performed before it is noted: a crash repeats that many, harmlessly."""
IDLE_SECONDS = 0.5
"""How long the relay sleeps when nothing wakes it: others (HTTP, approvals) fill the outbox too."""

Send = Callable[[], Awaitable[int]]
WRITER = "relay"
SOURCE = "/headway"
DECISION_TYPE = "headway.decision.taken"

log = structlog.get_logger(__name__)


class Relay:
    """Sends decisions to their topic and automatic actions to the system of record."""

    def __init__(
        self,
        store: SqlStore,
        producer: AIOKafkaProducer,
        target: ActionTarget,
        now: Callable[[], Micros],
        luck: Callable[[], float] = random.random,
    ) -> None:
        self._luck = luck
        self._store = store
        self._producer = producer
        self._target = target
        self._now = now
        self._decided, self._acting = asyncio.Event(), asyncio.Event()

    def wake(self) -> None:
        """Something has been committed."""
        self._decided.set()
        self._acting.set()

    async def run(self) -> None:
        """Relay until cancelled. Actions have a way of their own: a slow system of record must
        not hold decisions back."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._publish, self._decided))
            group.create_task(self._repeat(self._act, self._acting))

    async def _repeat(self, send: Send, wake: asyncio.Event) -> None:
        """Send what is pending, then wait to be woken; a part that is away is waited out."""
        while True:
            wake.clear()
            try:
                while await send():
                    pass
            except HeadwayError as error:
                if not error.retry:
                    raise
                log.warning("relay waits", reason=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):  # `wait_for` can lose a cancellation
                    await wake.wait()

    async def _publish(self) -> int:
        rows = await asyncio.to_thread(self._store.pending, "decision", CHUNK)
        traces = [self._trace(row) for row in rows]
        events = [
            decision_event(row.payload, row.key, self._now(), trace)
            for row, trace in zip(rows, traces, strict=True)
        ]
        sent = [
            await self._producer.send(
                DECISIONS, event, key=row.key.encode(), headers=_headers(trace)
            )
            for row, event, trace in zip(rows, events, traces, strict=True)
        ]
        if sent:
            await asyncio.gather(*sent)
            await asyncio.to_thread(self._store.published, rows, events, self._now())
        return len(rows)

    def _trace(self, row: OutboxRow) -> str:
        """The traceparent with which a decision goes out; empty without one."""
        if b'"trace":' not in row.payload:
            return ""
        return msgspec.json.decode(row.payload, type=_Named).trace

    async def _act(self) -> int:
        rows = await asyncio.to_thread(self._store.due_actions, self._now(), ACTIONS)
        if rows:
            await asyncio.to_thread(self._perform, rows)
        return len(rows)

    def _perform(self, rows: Sequence[OutboxRow]) -> None:
        """Perform the actions, then note it of all at once, or of those before the system of record
        went away: what a crash comes between is performed again, with the same key. What fails by
        itself is put off, and holds up only what follows on its subject."""
        told: dict[int, Settled] = {}
        held: set[str] = set()
        try:
            for row in rows:
                if row.key in held:
                    continue
                if (said := self._ask(row)) is None:
                    held.add(row.key)
                else:
                    told[row.seq] = said
        finally:
            self._store.settle_actions(list(told.values()), WRITER, self._now())
            self._store.mark_sent(list(told), self._now())

    def _ask(self, row: OutboxRow) -> Settled | None:
        """What the system of record says; None if the action is put off."""
        action = msgspec.json.decode(row.payload, type=Action)
        try:
            return Settled(action.id, act(action, self._target))
        except TryLater as error:
            return self._put_off(row, action, str(error))
        except HeadwayError as error:
            if error.retry:
                raise
            return Settled(action.id, str(error), failed=True)

    def _put_off(self, row: OutboxRow, action: Action, why: str) -> Settled | None:
        wait = PATIENCE.wait(row.tries + 1, self._luck())
        if wait is None:
            log.error("action given up", action=action.id, tries=row.tries + 1, reason=why)
            words = f"given up after {row.tries + 1} tries: {why}"
            return Settled(action.id, words, failed=True)
        log.warning("action put off", action=action.id, tries=row.tries + 1, reason=why)
        self._store.put_off(row, self._now() + wait)
        return None


class _Named(msgspec.Struct):
    """All that is read of a decision's JSON here."""

    id: str
    trace: str = ""


class _Traced(Envelope, frozen=True):
    """With the extension of CloudEvents that carries a trace."""

    traceparent: str = ""


def decision_event(decision: bytes, subject: str, at: Micros, traceparent: str = "") -> bytes:
    """A decision, given as its JSON, as the CloudEvent in which it goes out at an instant."""
    event = Envelope(
        id=msgspec.json.decode(decision, type=_Named).id,
        source=SOURCE,
        type=DECISION_TYPE,
        time=to_datetime(at),
        subject=subject,
        data=msgspec.Raw(decision),
    )
    if not traceparent:
        return seal_envelope(event)
    return seal_envelope(_Traced(**msgspec.structs.asdict(event), traceparent=traceparent))


def _headers(traceparent: str) -> list[tuple[str, bytes]] | None:
    return [("traceparent", traceparent.encode())] if traceparent else None
