"""The stream with its spans: those of each event, from its batch's times, in the event's trace."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from firm.decision import Asked, Decision
from firm.live import Live
from firm.ports import ActionTarget, Models, OnlineStates, Scorer
from firm.react import Arrival, Effects
from firm.store import DeadLetter, OutboxRow, SqlStore, StreamStore
from firm.time import Micros
from firm.workflow import Workflow
from headway.metered import MeteredReactor
from headway.tracing import parent_of, traceparent_of
from stream.reader import Reader, Record
from stream.relay import Relay


class _Event(msgspec.Struct):
    """All that is read of a CloudEvent here."""

    traceparent: str = ""


class TracedReactor(MeteredReactor):
    """A workflow's reactor that tells of each event when it was consumed, folded, scored and
    recorded. The events of a batch share these steps, so their spans have the batch's times."""

    def __init__(
        self,
        workflow: Workflow,
        store: StreamStore,
        reader: Reader,
        models: Models,
        online: OnlineStates,
        slugs: frozenset[str],
        tracer: Tracer,
    ) -> None:
        super().__init__(workflow, store, reader, _TimedModels(models, self), online, slugs)
        self._tracer = tracer
        self.events: dict[str, Span] = {}
        self.scored: tuple[int, int] | None = None

    def take(self, records: Sequence[Record], decided_at: Micros) -> Effects | None:
        """See `Reactor.take`."""
        self.events, self.scored = {}, None
        began = time.time_ns()
        try:
            effects = super().take(records, decided_at)
        except BaseException:
            for span in self.events.values():
                span.set_status(StatusCode.ERROR)
                span.end()
            raise
        self._tell(began, effects)
        return effects

    def _read(self, records: Sequence[Record]) -> tuple[list[Arrival], list[DeadLetter]]:
        arrivals, refused = super()._read(records)
        came = {record.offset: record for record in records}
        for arrival in arrivals:
            if arrival.event.id in self.events:
                continue
            parent = parent_of(_traceparent(came[arrival.position.offset]))
            span = self._tracer.start_span("consume", parent, SpanKind.CONSUMER)
            span.set_attribute("headway.workflow", self._workflow.slug)
            span.set_attribute("headway.event", arrival.event.id)
            span.set_attribute("cloudevents.event_source", arrival.event.source)
            span.set_attribute("cloudevents.event_id", arrival.event.external_id)
            self.events[arrival.event.id] = span
        return arrivals, refused

    def _tell(self, began: int, effects: Effects | None) -> None:
        ended = time.time_ns()
        folded, scored = self.scored or (ended, ended)
        decided = {decision.cause for decision in effects.decisions} if effects else set()
        for event, span in self.events.items():
            self._step("fold", span, began, folded)
            if event in decided:
                self._step("score", span, folded, scored)
            self._step("record", span, scored, ended)
            span.end(ended)

    def _step(self, name: str, span: Span, start: int, end: int) -> None:
        parent = trace.set_span_in_context(span)
        self._tracer.start_span(name, parent, start_time=start).end(end)


class _TimedModels:
    """Models whose scores are timed, and whose decisions name their events' traces."""

    def __init__(self, models: Models, reactor: TracedReactor) -> None:
        self._models, self._reactor = models, reactor

    def now(self, workflow: str) -> Live:
        return _Timed(inner=self._models.now(workflow), reactor=self._reactor)

    def live(self, workflow: str) -> Scorer | None:
        return self._models.live(workflow)


class _Timed(Live, frozen=True, kw_only=True):
    inner: Live
    reactor: Any

    def decide(
        self, workflow: Workflow, asked: Sequence[Asked], decided_at: Micros
    ) -> list[Decision]:
        began = time.time_ns()
        taken = self.inner.decide(workflow, asked, decided_at)
        self.reactor.scored = (began, time.time_ns())
        spans = self.reactor.events
        return [msgspec.structs.replace(d, trace=traceparent_of(spans[d.cause])) for d in taken]


class TracedRelay(Relay):
    """A relay that publishes each decision within a span of its trace, and hands that on."""

    def __init__(
        self,
        store: SqlStore,
        producer: AIOKafkaProducer,
        target: ActionTarget,
        now: Callable[[], Micros],
        tracer: Tracer,
    ) -> None:
        super().__init__(store, producer, target, now)
        self._tracer = tracer

    async def _publish(self) -> int:
        self._spans: list[Span] = []
        try:
            return await super()._publish()
        finally:
            for span in self._spans:
                span.end()

    def _trace(self, row: OutboxRow) -> str:
        stored = super()._trace(row)
        if not stored:
            return ""
        span = self._tracer.start_span("relay", parent_of(stored), SpanKind.PRODUCER)
        self._spans.append(span)
        return traceparent_of(span)


def _traceparent(record: Record) -> str:
    """That of the record's header, else that of the CloudEvent."""
    if record.traceparent:
        return record.traceparent
    try:
        return msgspec.json.decode(record.payload, type=_Event).traceparent
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
