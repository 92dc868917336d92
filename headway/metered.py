"""The use cases with their counts taken: what is composed at the top, the rooms know nothing of."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from firm.decision import Action, Decision
from firm.ports import Recorder
from firm.react import Effects
from firm.time import Micros
from headway import metrics
from stream.reactor import Reactor
from stream.reader import Record


class MeteredReactor(Reactor):
    """A workflow's reactor whose batches are counted and timed."""

    def take(self, records: Sequence[Record], decided_at: Micros) -> Effects | None:
        """See `Reactor.take`."""
        began = time.perf_counter()
        effects = super().take(records, decided_at)
        if effects is not None:
            slug = effects.workflow
            metrics.BATCHES.labels(slug).observe(time.perf_counter() - began)
            metrics.SIZES.labels(slug).observe(len(records))
            for fate, number in Counter(one.fate for one in effects.received).items():
                metrics.EVENTS.labels(slug, fate).inc(number)
            metrics.count_decisions(effects.decisions)
        return effects


class MeteredRecorder:
    """A recorder that counts what it has recorded (implements `firm.ports.Recorder`)."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def record_all(
        self, asked: Sequence[tuple[Decision, Sequence[Action]]]
    ) -> Sequence[Decision]:
        """See `firm.ports.Recorder`."""
        recorded = await self._recorder.record_all(asked)
        metrics.count_decisions(
            one
            for one, (taken, _) in zip(recorded, asked, strict=True)
            if one.decided_at == taken.decided_at  # else it is the first one of a repeated key
        )
        return recorded
