"""One trace from an event to what follows from it, and none where traces are off."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from firm.decision import Action, as_json
from firm.store import SqlStore
from firm.time import DAY
from firm.webhooks import Webhook, secret_of
from headway.dispatcher import Dispatcher
from headway.settings import Settings
from headway.traced import TracedReceivers, TracedTarget
from headway.traced_stream import TracedReactor, TracedRelay
from headway.tracing import carried
from stream.reader import Reader, Record
from tests.contract.store.receiver import receiving
from tests.contract.store.samples import KEY, NOON, SLUG, taken
from tests.stage import CANONICAL, NoModel, slipping
from workflows.delivery_risk import WORKFLOW

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Iterator[Tracer]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider.get_tracer("tests")
    provider.shutdown()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = SqlStore(f"sqlite:///{tmp_path}/headway.db", KEY)
    opened.migrate()
    yield opened
    opened.close()


class Online:
    def write(self, *_: object) -> None:
        pass


class Producer:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], dict[str, str]]] = []

    async def send(self, _topic: str, value: bytes, key: bytes, headers: Any) -> Any:
        said = {name: text.decode() for name, text in headers or ()}
        self.sent.append((msgspec.json.decode(value), said))
        answer = asyncio.get_running_loop().create_future()
        answer.set_result(None)
        return answer


class Target:
    def __init__(self) -> None:
        self.carried: list[str] = []

    def perform(self, _action: Action) -> str:
        self.carried.append(carried()["traceparent"])
        return "done"


def test_it_leads_from_the_event_to_action_and_webhook(
    store: SqlStore, tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    opened, reader = store.open_stream(WORKFLOW), Reader(CANONICAL)
    slugs = frozenset({SLUG})
    reactor = TracedReactor(WORKFLOW, opened, reader, NoModel(), Online(), slugs, tracer)  # type: ignore[arg-type]
    records = [
        Record(n, NOON + 9 * DAY, payload, CALLER) for n, payload in enumerate(slipping("p1"))
    ]
    with receiving() as receiver:
        webhook = Webhook("w", "s", receiver.url, (), ("watch",), "Ina", NOON)
        store.add_webhook(webhook, "governance")
        receiver.secret = secret_of(KEY, "w")
        reactor.take(records, NOON)
        producer, target = Producer(), Target()
        asyncio.run(relay(store, producer, target, tracer))
        asyncio.run(dispatch(store, tracer))
        spans = exporter.get_finished_spans()
        assert {span.context.trace_id for span in spans} == {int(TRACE, 16)}
        names = [span.name for span in spans]
        for name in ("consume", "fold", "score", "record", "relay"):
            assert names.count(name) == 3
        actions = [span for span in spans if span.name == "action"]
        assert len(actions) == len(target.carried) > 0
        told = [span for span in spans if span.name == "webhook"]
        assert len(told) == len(receiver.got) > 0
        by_id = {span.context.span_id: span for span in spans}
        assert path(by_id, told[0]) == ["consume", "relay", "webhook"]
        assert path(by_id, actions[0]) == ["consume", "action"]
        for event, headers in producer.sent:
            assert event["traceparent"] == headers["traceparent"]
            assert event["traceparent"].split("-")[1] == TRACE
        assert {one["traceparent"].split("-")[1] for one in receiver.headers} == {TRACE}


def path(by_id: dict[int, ReadableSpan], span: ReadableSpan) -> list[str]:
    """The names of the spans that lead to one."""
    before = by_id.get(span.parent.span_id) if span.parent else None
    return [*(path(by_id, before) if before else []), span.name]


async def relay(store: SqlStore, producer: Producer, target: Target, tracer: Tracer) -> None:
    traced = TracedTarget(target, store, tracer)
    made = TracedRelay(store, producer, traced, lambda: NOON, tracer)  # type: ignore[arg-type]
    task = asyncio.create_task(made.run())
    async with asyncio.timeout(30):
        while store.pending():
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def dispatch(store: SqlStore, tracer: Tracer) -> None:
    receivers = TracedReceivers(tracer, loopback=True)
    dispatcher = Dispatcher(store, KEY, receivers)
    async with asyncio.timeout(30):
        while store.count_deliveries():
            await dispatcher.look()
            await asyncio.sleep(0.01)
    await dispatcher.close()
    await receivers.close()


def test_an_event_that_names_no_trace_begins_one(
    store: SqlStore, tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    opened, reader = store.open_stream(WORKFLOW), Reader(CANONICAL)
    slugs = frozenset({SLUG})
    reactor = TracedReactor(WORKFLOW, opened, reader, NoModel(), Online(), slugs, tracer)  # type: ignore[arg-type]
    reactor.take([Record(n, NOON + 9 * DAY, p) for n, p in enumerate(slipping("p1"))], NOON)
    assert len({span.context.trace_id for span in exporter.get_finished_spans()}) == 3


def test_traces_are_on_where_a_place_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings().telemetry:
        monkeypatch.delenv(name)
    assert not Settings().traces
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    assert Settings().traces
    assert Settings().environment()["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:9"
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not Settings().traces


def test_where_they_are_off_no_byte_changes_and_nothing_is_loaded() -> None:
    assert b"trace" not in as_json(taken("a"))
    program = (
        "import sys, headway.api, headway.dispatcher; "
        "print([name for name in sys.modules if name.startswith('headway.trac')])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)  # noqa: S603  (ours)
    assert ran.stdout.strip() == b"[]"
