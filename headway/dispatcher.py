"""The process that tells subscribers of decisions: at least once, in order, each on its own."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable
from contextlib import suppress

import structlog

from firm.errors import HeadwayError
from firm.patience import CIRCUIT, DELIVERIES, Patience
from firm.store import SqlStore, Tried
from firm.time import SECOND, Micros
from firm.webhooks import (
    OPENS_AFTER,
    Delivery,
    DeliveryStatus,
    Subscription,
    is_sealed,
    secret_of,
    signed,
)
from headway.alarms import raise_alarm
from headway.backlog import ACTOR, Backlog
from headway.chores import Chores
from headway.clock import now
from headway.delivery_alarms import given_up, left_alone
from headway.receivers import SECONDS, DeliveryFailed, Receivers
from headway.retention import Retention
from headway.settings import Settings

LOOK_SECONDS = 0.5
CHUNK = 50
CLAIM: Micros = 60 * SECOND
"""So long are messages ours; a dispatcher that was killed leaves them to the next one then."""
LAST_START: Micros = CLAIM - int(2 * SECONDS * SECOND)
"""No message is begun later into a claim: it would not end within it."""

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    store = SqlStore(settings.database or "", settings.audit_key())
    receivers, end_traces = _receivers(settings)
    dispatcher = Dispatcher(store, settings.audit_key(), receivers)
    retention = Retention(store, settings.keep_sent_days)
    backlog = Backlog(store, settings.webhook_days, settings.webhook_messages)
    chores = Chores(backlog.cut, retention.clean)
    log.info("dispatcher is up")
    while not told.is_set():
        try:
            await dispatcher.look()
            await asyncio.to_thread(chores.tick)
        except HeadwayError as error:
            log.warning("will try again", why=str(error))
        await _wait(told, LOOK_SECONDS)
    await dispatcher.close()
    await receivers.close()
    store.close()
    end_traces()


def _receivers(settings: Settings) -> tuple[Receivers, Callable[[], None]]:
    allowed = {"loopback": settings.developer, "link_local": settings.webhooks_link_local}
    if not settings.traces:
        return Receivers(**allowed), lambda: None
    from headway.traced import TracedReceivers  # noqa: PLC0415  (only where traces are on)
    from headway.tracing import tracing  # noqa: PLC0415  (only where traces are on)

    tracer, end = tracing("webhooks")
    return TracedReceivers(tracer, **allowed), end


async def _wait(told: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await told.wait()


class Dispatcher:
    """Sends what is due. Each subscriber has a task of its own: a slow one holds up nobody else.

    Args:
        service_key: from which the subscribers' secrets follow (`firm.webhooks.secret_of`).
        patience: with a message that fails.
        circuit: with a receiver that has failed `OPENS_AFTER` times in a row.
        claim: how long claimed messages are ours.
    """

    def __init__(
        self,
        store: SqlStore,
        service_key: bytes,
        receivers: Receivers,
        patience: Patience = DELIVERIES,
        circuit: Patience = CIRCUIT,
        luck: Callable[[], float] = random.random,
        claim: Micros = CLAIM,
    ) -> None:
        self._store, self._key, self._receivers = store, service_key, receivers
        self._patience, self._circuit, self._luck = patience, circuit, luck
        self._claim = claim
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._refused: set[str] = set()
        self._closing = False

    async def look(self) -> None:
        """Begin to serve each subscriber that is not being served and is not to be left alone."""
        for id_ in [id_ for id_, task in self._tasks.items() if task.done()]:
            self._tasks.pop(id_).result()  # what nobody expected ends this process
        for one in await asyncio.to_thread(self._store.subscriptions):
            id_ = one.webhook.id
            if id_ not in self._tasks and one.paused_until <= now() and self._genuine(one):
                self._tasks[id_] = asyncio.create_task(self._serve(one))

    async def close(self) -> None:
        """End once the messages under way have been answered; the rest is due again at once."""
        self._closing = True
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _genuine(self, one: Subscription) -> bool:
        if is_sealed(self._key, one):
            return True
        if one.webhook.id not in self._refused:
            self._refused.add(one.webhook.id)
            log.error("not registered here, or changed since", webhook=one.webhook.name)
        return False

    async def _serve(self, one: Subscription) -> None:
        """Send all that is due, or as much as the receiver takes in."""
        failures = one.failures
        try:
            while not self._closing:
                began = now()
                limit = 1 if failures >= OPENS_AFTER else CHUNK
                claimed = await asyncio.to_thread(
                    self._store.claim_deliveries, one.webhook.id, limit, began, began + self._claim
                )
                if not claimed:
                    return
                failures = await self._send(one, claimed, failures, began)
                if failures >= OPENS_AFTER:
                    return
        except HeadwayError as error:
            log.warning("will try again", webhook=one.webhook.name, why=str(error))

    async def _send(
        self, one: Subscription, claimed: list[Delivery], failures: int, began: Micros
    ) -> int:
        """Send these in order; returns how often the receiver has failed in a row by then."""
        left = {delivery.seq: delivery for delivery in claimed}
        held: set[str] = set()
        try:
            for delivery in claimed:
                if delivery.key in held:
                    continue
                late = now() - began > LAST_START
                if self._closing or late or (failures >= OPENS_AFTER and held):
                    break
                taken = await self._try(one, delivery, failures)
                del left[delivery.seq]
                failures = 0 if taken else failures + 1
                if not taken:
                    held.add(delivery.key)
        finally:
            if left:
                self._store.release_deliveries(list(left), now())
        return failures

    async def _try(self, one: Subscription, delivery: Delivery, failures: int) -> bool:
        """Send one message and note what came of it; whether it was taken in."""
        webhook, at = one.webhook, now()
        headers = signed(secret_of(self._key, webhook.id), delivery.id, delivery.body, at)
        try:
            answer = await self._receivers.post(webhook.url, headers, delivery.body)
        except DeliveryFailed as error:
            tried, paused_until = self._failed(delivery, str(error), failures + 1)
            await asyncio.to_thread(self._store.note_try, tried, failures + 1, paused_until, now())
            self._tell(one, tried, failures + 1)
            return False
        tried = Tried(delivery, answer, "delivered", delivery.due_at)
        await asyncio.to_thread(self._store.note_try, tried, 0, 0, now())
        return True

    def _failed(self, delivery: Delivery, answer: str, failures: int) -> tuple[Tried, Micros]:
        wait = self._patience.wait(delivery.tries + 1, self._luck())
        status: DeliveryStatus = "dead" if wait is None else "pending"
        due_at = now() + (wait or 0)
        pause = self._circuit.wait(failures - OPENS_AFTER + 1, self._luck())
        paused_until = now() + (pause or 0) if failures >= OPENS_AFTER else 0
        return Tried(delivery, answer, status, due_at), paused_until

    def _tell(self, one: Subscription, tried: Tried, failures: int) -> None:
        webhook = one.webhook
        log.warning("not delivered", webhook=webhook.name, id=tried.delivery.id, why=tried.answer)
        if tried.status == "dead":
            raise_alarm(self._store, ACTOR, given_up(webhook, tried, now()))
        if failures == OPENS_AFTER:
            raise_alarm(self._store, ACTOR, left_alone(webhook, tried, now()))
