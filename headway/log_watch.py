"""The log as the monitor sees it: asked once for all workflows at each look."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping

from firm.mapping import SILENCE_HOURS, LogMapping
from firm.store import SqlStore
from firm.time import HOUR, Micros
from firm.workflow import Workflow
from headway.clock import now
from headway.lags import Lags
from stream.advance import Lag, LogAway, LogPlaces
from stream.lag import Sender, Senders

MILLISECOND = 1_000


class LogWatch:
    """Where the workflows stand, and when each source was heard last.

    Args:
        mappings: of the sources that declare how long they may be silent; others may for
            SILENCE_HOURS.

    Attributes:
        lags: by workflow, as of the last look; empty while Kafka does not answer.
    """

    def __init__(
        self,
        bootstrap: str,
        store: SqlStore,
        workflows: Collection[str],
        mappings: Iterable[LogMapping] = (),
    ) -> None:
        declared = list(mappings)
        self._hours = {one.source: one.silence_hours for one in declared}
        self._facts = {rule.type: rule.fact for one in declared for rule in one.event}
        longest = max([SILENCE_HOURS, *self._hours.values()])
        since = now() - int(longest * HOUR)
        self._runner = asyncio.Runner()
        self._places, self._lags = LogPlaces(bootstrap), Lags(store, workflows)
        self._senders = Senders(bootstrap, since // MILLISECOND)
        self._heard: dict[Sender, Micros] = {}
        self.lags: Mapping[str, Lag] = {}

    def look(self) -> None:
        """Ask Kafka once.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        self.lags = {}
        try:
            end, gone = self._runner.run(self._places.now())
        except LogAway:
            return
        self.lags = self._lags.now(end, gone)
        heard = self._runner.run(self._senders.until(end))
        self._heard |= {sender: at * MILLISECOND for sender, at in heard.items()}

    def silent(self, workflow: Workflow) -> dict[str, Micros]:
        """The sources of a workflow's events that have been silent for longer than they may be,
        with when each was heard last."""
        facts, last = {fact.type for fact in workflow.facts}, dict[str, Micros]()
        for sender, at in self._heard.items():
            if self._facts.get(sender.type, sender.type) in facts:
                last[sender.source] = max(at, last.get(sender.source, 0))
        return {
            source: at
            for source, at in last.items()
            if now() - at >= self._hours.get(source, SILENCE_HOURS) * HOUR
        }

    def close(self) -> None:
        """Give the connection back."""
        self._runner.run(self._places.close())
        self._runner.close()
