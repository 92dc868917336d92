"""Watches that a workflow is served as promised: alive, in time, by a source that speaks."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from firm.alerts import Alert
from firm.decision import Decision
from firm.workflow import Workflow
from headway.clock import now
from headway.log_watch import LogWatch
from monitoring import slo
from stream.lag import came_at

STALLED_SECONDS = 60.0
SAMPLED = 200
"""Of the decisions of one look, the newest, whose latency is measured."""
REMEMBERED = 2_000


class ServiceWatch:
    """Looks from outside, by the clock: at what waits in the log, at who sends nothing any more,
    and at how long the answers took.

    Args:
        log: asked anew before each look, once for all workflows.
    """

    def __init__(self, bootstrap: str, log: LogWatch, workflow: Workflow) -> None:
        self._bootstrap, self._log, self._workflow = bootstrap, log, workflow
        self._started = now()
        self._latencies: deque[float] = deque(maxlen=REMEMBERED)

    def decided(self, decisions: Sequence[Decision]) -> None:
        """New decisions: measure how long those took that were taken since this watch began."""
        streamed = [d for d in decisions if d.origin == "stream" and d.decided_at >= self._started]
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
        lag = self._log.lags.get(self._workflow.slug)
        if lag is None or lag.stands_seconds < STALLED_SECONDS:
            return []
        return [slo.lagging(self._workflow, now(), lag.records, lag.stands_seconds)]

    def _silence(self) -> list[Alert]:
        return [slo.silent(self._workflow, one) for one in self._log.silent(self._workflow)]

    def _slow(self) -> list[Alert]:
        found = self.latency
        return [slo.broken(self._workflow, "", found, now())] if found.broken else []
