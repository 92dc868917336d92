"""Traces by OpenTelemetry: on where the usual OTEL_ variables name a place for them
(`Settings.traces`); where they are off, nobody imports this.

A trace is carried as W3C traceparent: in the headers of HTTP and of Kafka, in a decision's `trace`,
and as the CloudEvents extension `traceparent`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

HEADER = "traceparent"
_W3C = TraceContextTextMapPropagator()


def tracing(process: str) -> tuple[Tracer, Callable[[], None]]:
    """The tracer of a process, and what sends the last spans at its end. The exporter and the
    sampler read OpenTelemetry's own variables."""
    named = Resource.create({"service.name": "headway", "headway.process": process})
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("headway"), provider.shutdown


def parent_of(traceparent: str) -> Context:
    """The context that a traceparent stands for; an empty or wrong one begins a trace."""
    return _W3C.extract({HEADER: traceparent}, context=Context())


def traceparent_of(span: Span) -> str:
    """What carries a span's trace on."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, context=trace.set_span_in_context(span))
    return carrier.get(HEADER, "")


def carried() -> Mapping[str, str]:
    """The header that carries the trace of what runs now; empty outside of any."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier
