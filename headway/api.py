"""The process of the API."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

import uvicorn
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import FastAPI

from features.live import LiveStates
from features.online import FeastStates
from firm.errors import HeadwayError
from firm.ports import LiveStates as States
from firm.ports import Models, Recorder
from firm.store import GroupCommit, SqlStore
from headway import asyncapi, metrics
from headway.catalogue import canonicaliser, declared, mappings
from headway.clock import now
from headway.explaining import decided_versions
from headway.governance import Governance
from headway.login import login
from headway.metered import MeteredRecorder
from headway.models import LiveModels, open_models
from headway.reports import KeptReports
from headway.settings import Settings
from headway.vitals import CopyVitals
from headway.workers import heartbeat, listen, name_of
from serving.app import Application, create_app
from serving.direct import ScoreProtocol
from serving.explaining import Explaining
from serving.quick import QuickScore
from serving.ranking import Rankings
from serving.scoring import Scoring
from serving.webhook import Webhook
from stream.topics import EVENTS, LARGEST_MESSAGE_BYTES

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

KAFKA_SECONDS = 5.0
"""How long a sender waits for the log; then it is told to try again."""
GRACE_SECONDS = 10
"""How long requests that are under way at the end may take, and callers to read their answers: as
long as the database is waited for, half as long as `headway up` waits for a process to end."""


class LogUnavailable(HeadwayError):
    """Kafka does not take in what was sent."""

    kind = "log-unavailable"
    retry = True


def run(settings: Settings, number: int = 0) -> None:
    """Serve until SIGTERM or SIGINT, as one of the workers (`Settings.workers`)."""
    # uvicorn raises the signal again once it has ended: what comes after it must still be done.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    metrics.STARTS.labels(name_of(number)).inc()
    tracer, end_traces = _tracing(settings)
    config = uvicorn.Config(
        build(settings, tracer, number),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        http=ScoreProtocol,
        loop="uvloop",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    try:
        uvicorn.Server(config).run([listen(settings)] if settings.workers > 1 else None)
    finally:
        end_traces()


def _tracing(settings: Settings) -> tuple[Tracer | None, Callable[[], None]]:
    if not settings.traces:
        return None, lambda: None
    from headway.tracing import tracing  # noqa: PLC0415  (only where traces are on)

    return tracing("api")


def build(settings: Settings, tracer: Tracer | None = None, number: int = 0) -> Application:
    """The application with its real parts; with a tracer, it tells of each step.

    Args:
        number: of the worker (`Settings.workers`).
    """
    workflows = declared()
    store = SqlStore(settings.database or "", settings.audit_key())
    online = LiveStates(settings.redis or "", workflows.values())
    recorder = store.recorder(f"http:{number}")
    vitals = CopyVitals(settings, store, workflows)
    worker = f"http:{settings.port}" + (f"/{number}" if number else "")
    models = open_models(settings, workflows, store, worker)
    parts = (online, models, MeteredRecorder(recorder))
    read, decide, record = _traced(tracer, *parts) if tracer else parts
    scoring = Scoring(workflows, store, read, decide, record)
    rankings = Rankings(workflows, FeastStates(settings.redis or ""), decide, record)
    entrance, stop_refreshing = login(settings, store)
    producer = _Producer(settings.kafka or "")
    version = installed_version("headway")
    governance = Governance(settings, store)
    app = create_app(
        scoring,
        rankings,
        Explaining(decided_versions(settings, workflows, store, models)),
        canonicaliser(workflows),
        producer.publish,
        now,
        entrance,
        version,
        governance,
        vitals,
        metrics.answered,
        settings.json_depth,
        KeptReports(settings),
        store,
        store,
        Webhook(settings.webhook_key(), store.wake),
    )
    asyncapi.install(app, asyncapi.document(workflows, mappings().values()))
    if tracer is not None:
        from headway.traced import TracedRequests  # noqa: PLC0415  (only where traces are on)
        from headway.tracing import carried  # noqa: PLC0415  (only where traces are on)

        app.front = TracedRequests(app.front, tracer)
        producer.carried = carried
    beating = heartbeat(settings, number).beating(settings.hung_seconds / 2)
    app.router.lifespan_context = _lifespan(
        producer, models, app.quick, recorder, online, vitals, beating, stop_refreshing
    )
    return app


def _traced(
    tracer: Tracer, states: States, models: Models, recorder: Recorder
) -> tuple[States, Models, Recorder]:
    from headway.traced import (  # noqa: PLC0415  (only where traces are on)
        TracedModels,
        TracedRecorder,
        TracedStates,
    )

    traced = TracedStates(states, tracer), TracedModels(models, tracer)
    return *traced, TracedRecorder(recorder, tracer)


def _lifespan(
    producer: _Producer,
    models: LiveModels,
    quick: QuickScore,
    recorder: GroupCommit,
    online: LiveStates,
    vitals: CopyVitals,
    beating: AbstractAsyncContextManager[None],
    at_the_end: Callable[[], None],
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as parts:  # each is given back, whatever goes wrong with others
            parts.callback(at_the_end)
            parts.callback(models.stop)
            for part in (vitals, online, recorder):
                parts.push_async_callback(part.close)
            await asyncio.to_thread(models.start)
            await parts.enter_async_context(beating)
            await parts.enter_async_context(producer.connected())
            parts.push_async_callback(quick.close)
            gc.freeze()
            gc.set_threshold(50_000, 50, 1_000)
            gc.enable()
            yield

    return life


class _Producer:
    """Puts events into the log, and returns when every replica has them."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self.carried: Callable[[], Mapping[str, str]] = dict

    async def publish(self, key: bytes, payload: bytes) -> None:
        if self._producer is None:
            raise RuntimeError("the application has not been started")
        try:
            async with asyncio.timeout(KAFKA_SECONDS):
                headers = [(name, value.encode()) for name, value in self.carried().items()]
                await self._producer.send_and_wait(EVENTS, payload, key=key, headers=headers)
        except (KafkaError, TimeoutError) as error:
            raise LogUnavailable(
                f"the log of events does not answer ({type(error).__name__}); send the event "
                "again: its id keeps it from counting twice"
            ) from error

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", max_request_size=LARGEST_MESSAGE_BYTES
        )
        await self._producer.start()
        try:
            yield
        finally:
            await self._stop(self._producer)

    async def _stop(self, producer: AIOKafkaProducer) -> None:
        """An event whose sender was told that the log is away is not waited for at the end."""
        try:
            async with asyncio.timeout(KAFKA_SECONDS):
                await producer.stop()
        except TimeoutError:
            await producer.client.close()
