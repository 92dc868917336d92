"""Watches that a workflow is served as promised: alive, in time, by a source that speaks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from firm.alerts import Alert
from firm.decision import Decision
from firm.store import SqlStore
from firm.time import HOUR, Micros
from firm.workflow import Workflow
from headway.clock import now
from monitoring import slo
from stream.lag import came_at, end_of_log

STALLED_SECONDS = 60.0
SAMPLED = 200
"""Of the decisions of one look, the newest, whose latency is measured."""
REMEMBERED = 2_000


class ServiceWatch:
    """Looks from outside, by the clock: at the log's end, at what was taken in, and at how long the
    answers took."""

    def __init__(self, bootstrap: str, store: SqlStore, workflow: Workflow) -> None:
        self._bootstrap, self._store, self._workflow = bootstrap, store, workflow
        self._started = now()
        self._latencies: deque[float] = deque(maxlen=REMEMBERED)
        self._stood: tuple[int, float] = (-1, time.monotonic())
        self._last: Micros | None = None

    def decided(self, decisions: Sequence[Decision]) -> None:
        """New decisions: measure how long those took that were taken since this watch began."""
        streamed = [d for d in decisions if d.origin == "stream" and d.decided_at >= self._started]
        if decisions:
            self._last = max(d.decided_at for d in decisions)
        offsets = {
            d.evidence.position.offset: d for d in streamed[-SAMPLED:] if d.evidence.position
        }
        for offset, came in came_at(self._bootstrap, offsets).items():
            self._latencies.append(offsets[offset].decided_at / 1_000 - came)

    @property
    def latency(self) -> slo.Promise:
        """How many of the newest answers were slower than promised."""
        return slo.latency(self._workflow, self._latencies)

    def look(self) -> list[Alert]:
        """What is not as promised now."""
        return [*self._lag(), *self._silence(), *self._slow()]

    def _lag(self) -> list[Alert]:
        end, offset = end_of_log(self._bootstrap), self._store.offset(self._workflow.slug)
        stood, since = self._stood
        if end is None or offset != stood or offset + 1 >= end:
            self._stood = (offset, time.monotonic())
        elif time.monotonic() - since >= STALLED_SECONDS:
            return [slo.lagging(self._workflow, now(), end - offset - 1, offset)]
        return []

    def _silence(self) -> list[Alert]:
        hours, last = self._workflow.slo.silence_hours, self._last
        if hours is None or last is None or now() - last < hours * HOUR:
            return []
        return [slo.silent(self._workflow, now(), last)]

    def _slow(self) -> list[Alert]:
        found = self.latency
        return [slo.broken(self._workflow, "", found, now())] if found.broken else []
