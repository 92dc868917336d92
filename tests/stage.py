"""A stage for tests on the real parts: a database and a Redis number of one test's own, the shared
log from where it ends now, and the stream's worker and relay in a thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from typing import Any

import msgspec
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from features.online import FeastStates
from firm.envelope import Envelope, open_envelope, seal_envelope
from firm.live import Live
from firm.ports import ActionTarget, Models, OnlineStates, Scorer
from firm.react import react
from firm.store import SqlStore
from firm.time import DAY, Micros, to_datetime
from headway.catalogue import canonicaliser, declared
from headway.clock import now
from headway.logs import Outgoing
from headway.parts import Parts
from headway.replay import send
from stream.log import records
from stream.reactor import Reactor
from stream.reader import Reader, Record
from stream.relay import Relay
from stream.topics import DECISIONS, EVENTS, LARGEST_MESSAGE_BYTES, ensure_topics
from stream.worker import Worker
from workflows.delivery_risk import WORKFLOW

KEY = b"a key that lies outside the database"
NOON: Micros = 20_000 * DAY + DAY // 2
SLUG = WORKFLOW.slug
PATIENCE_SECONDS = 30.0
CANONICAL = canonicaliser(declared())
_numbers = count()
_free = deque(range(16))
"""The numbers of Redis that no open stage has."""


class NoModel:
    """No model is live: the declared rule scores."""

    def now(self, workflow: str) -> Live:
        return Live()

    def live(self, workflow: str) -> Scorer | None:
        return None


class Stage:
    """What one test has to itself, on parts that it shares."""

    def __init__(self, parts: Parts) -> None:
        assert parts.postgres
        self.bootstrap = parts.kafka_bootstrap
        self.url = parts.postgres.create_database(f"stage_{next(_numbers)}")
        self._redis = _free.popleft()
        self.redis_url = f"{parts.redis_url.rpartition('/')[0]}/{self._redis}"
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushdb()
        self.store = SqlStore(self.url, KEY)
        self.store.migrate()
        asyncio.run(ensure_topics(self.bootstrap))
        self.start = self.end = end_of(self.bootstrap, EVENTS)
        self._decisions_start = end_of(self.bootstrap, DECISIONS)
        if self.start:
            self._begin_at(self.start)

    def send(self, payloads: Sequence[bytes]) -> int:
        """Put payloads into the log; returns the offset of the first."""
        sent = [Outgoing(b"a key", payload, 0) for payload in payloads]
        self.end = send(self.bootstrap, sent, lambda _: None)
        return self.end - len(sent)

    @property
    def taken(self) -> bool:
        """Whether all that was sent has been committed."""
        return self.store.offset(SLUG) + 1 >= self.end

    def reactor(self, models: Models | None = None, online: OnlineStates | None = None) -> Reactor:
        """Take the stream over, as a worker does when it starts."""
        opened = self.store.open_stream(WORKFLOW)
        online = online or FeastStates(self.redis_url)
        models = models or NoModel()
        return Reactor(WORKFLOW, opened, Reader(CANONICAL), models, online, frozenset({SLUG}))

    def published(self) -> list[Any]:
        """The records on the topic of decisions since this stage began."""
        return read(self.bootstrap, DECISIONS, self._decisions_start)

    def close(self) -> None:
        self.store.close()
        _free.append(self._redis)

    def _begin_at(self, offset: int) -> None:
        """Pass over what other tests have put into the log."""
        opened = self.store.open_stream(WORKFLOW)
        opened.commit(react(WORKFLOW, [], opened.states, None, 0), {0: offset - 1}, EVENTS)


class Running:
    """A worker, a relay, or both, in a thread with a loop of its own."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []
        self.worker: Worker | None = None
        self._up = threading.Event()
        self._told: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None


@contextmanager
def running(
    stage: Stage,
    reactor: Reactor | None = None,
    target: ActionTarget | None = None,
) -> Iterator[Running]:
    """Run the worker of a reactor, and the relay to a target, until the block ends."""
    state = Running()
    thread = threading.Thread(
        target=lambda: asyncio.run(_run(state, stage, reactor, target)), daemon=True
    )
    thread.start()
    assert state._up.wait(PATIENCE_SECONDS), state.failures
    try:
        yield state
    finally:
        assert state._loop
        assert state._told
        state._loop.call_soon_threadsafe(state._told.set)
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


async def _run(
    state: Running, stage: Stage, reactor: Reactor | None, target: ActionTarget | None
) -> None:
    state._loop, state._told = asyncio.get_running_loop(), asyncio.Event()
    producer = AIOKafkaProducer(
        bootstrap_servers=stage.bootstrap, acks="all", max_request_size=LARGEST_MESSAGE_BYTES
    )
    await producer.start()
    relay = Relay(stage.store, producer, target, now) if target else None
    task = asyncio.create_task(relay.run()) if relay else None
    if reactor:
        state.worker = Worker(
            stage.bootstrap,
            {SLUG: reactor},
            committed=relay.wake if relay else lambda: None,
            failed=state.failures.append,
            now=now,
        )
        await state.worker.start()
    state._up.set()
    await state._told.wait()
    if task:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if state.worker:
        await state.worker.stop()
    await producer.stop()


def until(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds; fails if it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def report(id_: str, project: str = "p1", day: float = 0, slip: int = 0, **data: object) -> bytes:
    """A status report as a CloudEvent."""
    fact = {
        "phase": "Design",
        "forecast_completion": (date(2025, 1, 1) + timedelta(days=slip)).isoformat(),
        "owner": f"owner of {project}",
        **data,
    }
    return event(id_, "project.status_reported", project, NOON + int(day * DAY), fact)


def request(id_: str, project: str = "p1", day: float = 0, workflow: str = SLUG) -> bytes:
    """A request on the stream for a score."""
    return event(id_, "score.requested", project, NOON + int(day * DAY), {"workflow": workflow})


def event(id_: str, type_: str, project: str, at: Micros, data: object) -> bytes:
    """A CloudEvent about a project."""
    return seal_envelope(
        Envelope(id_, "/tests", type_, data, to_datetime(at), f"project:{project}")
    )


def sent_by(source: str, payload: bytes) -> bytes:
    """The same as another system sends it."""
    return seal_envelope(msgspec.structs.replace(open_envelope(payload), source=source))


def take_in(stage: Stage, place: int) -> None:
    """Let the stream take in what stands in the log from a place on, although it is at rest."""
    reactor = stage.reactor()
    records = [
        Record(reactor.next_offset + n, now(), record.value)
        for n, record in enumerate(read(stage.bootstrap, EVENTS, place))
    ]
    reactor.take(records, now())


def slipping(project: str, reports: int = 3) -> list[bytes]:
    """Reports of a project each of which moves the completion by 100 days: the rule then acts."""
    return [report(f"{project}-{n}", project, day=n, slip=100 * n) for n in range(reports)]


def end_of(bootstrap: str, topic: str) -> int:
    """The offset after the last record of a topic."""
    partition = TopicPartition(topic, 0)

    async def ask() -> int:
        async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
            return int((await consumer.end_offsets([partition]))[partition])

    return asyncio.run(ask())


def read(bootstrap: str, topic: str, start: int) -> list[Any]:
    """The records of a topic from an offset on."""

    async def all_() -> list[Any]:
        chunks = records(bootstrap, start, partition=TopicPartition(topic, 0))
        return [record async for chunk in chunks for record in chunk]

    return asyncio.run(all_())
