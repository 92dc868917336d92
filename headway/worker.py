"""The process of the stream: the agent that feeds all workflows, and the relay."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka import AIOKafkaProducer

from features.online import FeastStates
from firm.store import SqlStore
from headway.actions import HttpActionTarget
from headway.catalogue import canonicaliser, declared
from headway.clock import now
from headway.metered import MeteredReactor
from headway.models import LiveModels, open_models
from headway.settings import Settings
from stream.progress import watch_progress
from stream.reader import Reader
from stream.relay import Relay
from stream.topics import LARGEST_MESSAGE_BYTES, ensure_topics
from stream.worker import Worker

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    assert settings.kafka  # noqa: S101  (`at` has filled the addresses in)
    await ensure_topics(settings.kafka)
    store = SqlStore(settings.database or "", settings.audit_key())
    models = open_models(settings, declared(), store, "stream")
    models.start()
    tracer, end_traces = _tracing(settings)
    reactors = _reactors(settings, store, models, tracer)
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka, acks="all", max_request_size=LARGEST_MESSAGE_BYTES
    )
    await producer.start()
    relay = _relay(settings, store, producer, tracer)
    worker = Worker(settings.kafka, reactors, committed=relay.wake, failed=_end, now=now)
    await worker.start()
    beside = [
        asyncio.create_task(relay.run()),
        asyncio.create_task(watch_progress(settings.kafka, worker.next_offset)),
    ]
    for task in beside:
        task.add_done_callback(_ended)
    log.info("stream is up", workflows=sorted(reactors))
    await _until_told()
    for task in beside:
        task.cancel()
    await worker.stop()
    await producer.stop()
    models.stop()
    store.close()
    end_traces()


def _tracing(settings: Settings) -> tuple[Tracer | None, Callable[[], None]]:
    if not settings.traces:
        return None, lambda: None
    from headway.tracing import tracing  # noqa: PLC0415  (only where traces are on)

    return tracing("stream")


def _relay(
    settings: Settings, store: SqlStore, producer: AIOKafkaProducer, tracer: Tracer | None
) -> Relay:
    url = settings.actions_url or ""
    if tracer is None:
        return Relay(store, producer, HttpActionTarget(url), now)
    from headway.traced import TracedTarget  # noqa: PLC0415  (only where traces are on)
    from headway.traced_stream import TracedRelay  # noqa: PLC0415  (only where traces are on)
    from headway.tracing import carried  # noqa: PLC0415  (only where traces are on)

    target = TracedTarget(HttpActionTarget(url, carried), store, tracer)
    return TracedRelay(store, producer, target, now, tracer)


def _reactors(
    settings: Settings, store: SqlStore, models: LiveModels, tracer: Tracer | None
) -> dict[str, MeteredReactor]:
    workflows = declared()
    online = FeastStates(settings.redis or "")
    reader = Reader(canonicaliser(workflows))
    reactors = {}
    for slug, workflow in workflows.items():
        opened = store.open_stream(workflow)
        online.rewrite_all(workflow, opened.states)
        parts = (workflow, opened, reader, models, online, frozenset(workflows))
        reactors[slug] = MeteredReactor(*parts) if tracer is None else _traced(*parts, tracer)
    return reactors


def _traced(*parts: Any) -> MeteredReactor:
    from headway.traced_stream import TracedReactor  # noqa: PLC0415  (only where traces are on)

    return TracedReactor(*parts)


def _end(error: BaseException) -> None:
    """Memory may have run ahead of the database: nothing is safe but to end and load anew."""
    if isinstance(error, asyncio.CancelledError):
        return
    log.error("a part of the stream failed; this process ends", exc_info=error)
    os._exit(70)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _end(error)


async def _until_told() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
