"""A request is one trace, from the caller's on, and its id is the request's."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.contextvars import get_contextvars

from headway import traced
from headway.api import build
from headway.settings import Settings
from stream.topics import EVENTS
from tests.contract.serving.conftest import served
from tests.stage import SLUG, Stage, end_of, read, report, until

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "x-request-id": "theirs"}


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
def api(
    settings: Settings, headers: dict[str, str], exporter: InMemorySpanExporter
) -> Iterator[httpx.Client]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = build(settings, provider.get_tracer("tests"))
    with served(app) as url, httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        yield client
    provider.shutdown()


def test_a_score_is_read_scored_and_recorded_in_the_callers_trace(
    api: httpx.Client,
    stage: Stage,
    exporter: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[object] = []
    record = traced.TracedRecorder.record_all

    async def spied(self: traced.TracedRecorder, *args: object) -> object:
        said.append(get_contextvars().get("request"))
        return await record(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(traced.TracedRecorder, "record_all", spied)
    subject = {"subject": "project:p1"}
    answer = api.post(f"/v1/workflows/{SLUG}/score", json=subject, headers=CALLER)
    assert answer.headers["x-request-id"] == TRACE
    assert said == [TRACE], "the lines of the log carry the trace's id"
    until(lambda: len(exporter.get_finished_spans()) >= 4)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    request = spans["POST /v1/workflows/{slug}/score"]
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    for name in ("read", "score", "record"):
        assert spans[name].parent
        assert spans[name].parent.span_id == request.context.span_id
    assert {span.context.trace_id for span in spans.values()} == {int(TRACE, 16)}
    decision = stage.store.decision(answer.json()["decision_id"])
    assert decision.trace.split("-")[1] == TRACE


def test_an_event_carries_the_trace_into_the_log(api: httpx.Client, stage: Stage) -> None:
    start = end_of(stage.bootstrap, EVENTS)
    sent = api.post("/v1/events", content=report("traced", "p7"), headers=CALLER)
    assert sent.status_code == 202
    (record,) = read(stage.bootstrap, EVENTS, start)
    assert dict(record.headers)["traceparent"].split(b"-")[1] == TRACE.encode()
