"""The use cases with their spans: composed in place of the plain ones where traces are on, so that
they cost nothing where they are off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from opentelemetry.trace import SpanKind, Tracer, format_trace_id
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from firm.decision import Action, Asked, Decision
from firm.errors import HeadwayError
from firm.ids import SubjectId
from firm.live import Live
from firm.ports import ActionTarget, LiveStates, Models, Recorder, Scorer
from firm.states import GroupState, SubjectState
from firm.store import SqlStore
from firm.time import Micros
from firm.workflow import Workflow
from headway.receivers import Receivers
from headway.tracing import HEADER, carried, parent_of, traceparent_of
from serving.observed import route_of

REQUEST_ID = b"x-request-id"


class TracedRequests:
    """ASGI middleware: a span for each request, in the caller's trace if they name one.

    The request's id, in the log and in the answer, is the id of the trace.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app, self._tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on within its span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        parent = parent_of(headers.get(HEADER.encode(), b"").decode("latin-1"))
        with self._tracer.start_as_current_span("request", parent, SpanKind.SERVER) as span:
            bind_contextvars(request=format_trace_id(span.get_span_context().trace_id))
            own = [(HEADER.encode(), traceparent_of(span).encode())]
            left = [one for one in scope["headers"] if one[0] not in (HEADER.encode(), REQUEST_ID)]
            inner = {**scope, "headers": left + own}

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(inner, receive, noted)
            span.update_name(f"{scope['method']} {route_of(inner)}")


class TracedStates:
    """Reads states within a span (implements `firm.ports.LiveStates`)."""

    def __init__(self, states: LiveStates, tracer: Tracer) -> None:
        self._states, self._tracer = states, tracer

    async def read_all(
        self, workflow: Workflow, asked: Sequence[tuple[SubjectId, Micros]]
    ) -> Sequence[tuple[SubjectState | None, Mapping[str, GroupState]] | HeadwayError]:
        """See `firm.ports.LiveStates`."""
        with self._tracer.start_as_current_span("read", kind=SpanKind.CLIENT):
            return await self._states.read_all(workflow, asked)


class TracedRecorder:
    """Records within a span (implements `firm.ports.Recorder`)."""

    def __init__(self, recorder: Recorder, tracer: Tracer) -> None:
        self._recorder, self._tracer = recorder, tracer

    async def record_all(
        self, asked: Sequence[tuple[Decision, Sequence[Action]]]
    ) -> Sequence[Decision]:
        """See `firm.ports.Recorder`."""
        with self._tracer.start_as_current_span("record", kind=SpanKind.CLIENT) as span:
            span.set_attribute("headway.decisions", [taken.id for taken, _ in asked])
            return await self._recorder.record_all(asked)


class TracedModels:
    """Scores within a span, and decisions that name their trace (`firm.ports.Models`)."""

    def __init__(self, models: Models, tracer: Tracer) -> None:
        self._models, self._tracer = models, tracer

    def now(self, workflow: str) -> Live:
        """See `firm.ports.Models`."""
        return _Traced(inner=self._models.now(workflow), tracer=self._tracer)

    def live(self, workflow: str) -> Scorer | None:
        """See `firm.ports.Models`."""
        return self._models.live(workflow)


class _Traced(Live, frozen=True, kw_only=True):
    """Another `Live` within a span."""

    inner: Live
    tracer: Any

    def decide(
        self, workflow: Workflow, asked: Sequence[Asked], decided_at: Micros
    ) -> list[Decision]:
        """See `Live.decide`."""
        with self.tracer.start_as_current_span("score") as span:
            span.set_attribute("headway.workflow", workflow.slug)
            taken = self.inner.decide(workflow, asked, decided_at)
            carrying = traceparent_of(span)
            return [msgspec.structs.replace(one, trace=carrying) for one in taken]


class TracedTarget:
    """Performs actions within a span of their decision's trace (`firm.ports.ActionTarget`)."""

    def __init__(self, target: ActionTarget, store: SqlStore, tracer: Tracer) -> None:
        self._target, self._store, self._tracer = target, store, tracer

    def perform(self, action: Action) -> str:
        """See `firm.ports.ActionTarget`."""
        parent = parent_of(self._store.decision(action.decision).trace)
        with self._tracer.start_as_current_span("action", parent, SpanKind.CLIENT) as span:
            span.set_attribute("headway.action", action.kind)
            return self._target.perform(action)


class _Event(msgspec.Struct):
    traceparent: str = ""


class TracedReceivers(Receivers):
    """Posts within a span of the decision's trace, which the receiver can carry on."""

    def __init__(self, tracer: Tracer, loopback: bool = False, link_local: bool = False) -> None:
        super().__init__(loopback, link_local)
        self._tracer = tracer

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> str:
        """See `Receivers.post`."""
        parent = parent_of(msgspec.json.decode(body, type=_Event).traceparent)
        with self._tracer.start_as_current_span("webhook", parent, SpanKind.CLIENT):
            return await super().post(url, {**headers, **carried()}, body)
