"""The log as the monitor sees it: asked once for all workflows at each look."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping

from firm.mapping import SILENCE_HOURS, LogMapping
from firm.store import Heard, SqlStore
from firm.workflow import Workflow
from headway.clock import now
from headway.lags import Lags
from monitoring.slo import Silence
from stream.advance import Lag, LogAway, LogPlaces
from stream.lag import Sender, Senders

MILLISECOND = 1_000


class LogWatch:
    """Where the workflows stand, and when each source was heard last: what was heard is kept, so
    that a source that fell silent while nobody watched is known as well.

    Args:
        mappings: of the sources that declare how long they may be silent; others may for
            SILENCE_HOURS. One that declares it is waited for before it has ever spoken.

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
        self._awaited = {
            Sender(one.source, rule.type)
            for one in declared
            if "silence_hours" in one.model_fields_set
            for rule in one.event
        }
        self._runner = asyncio.Runner()
        self._bootstrap, self._store = bootstrap, store
        self._places, self._lags = LogPlaces(bootstrap), Lags(store, workflows)
        self._senders: Senders | None = None
        self._heard: dict[Sender, Heard] = {}
        self._unkept: dict[Sender, Heard] = {}
        self._read_to_end = False
        self.lags: Mapping[str, Lag] = {}

    def look(self) -> None:
        """Ask Kafka once.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        self.lags = {}
        senders = self._senders = self._senders or self._recalled()
        try:
            end, gone = self._runner.run(self._places.now())
        except LogAway:
            return
        self.lags = self._lags.now(end, gone)
        came = self._runner.run(senders.until(end))
        self._hear(
            Heard(who.source, who.type, one.offset, one.at * MILLISECOND)
            for who, one in came.items()
        )
        self._read_to_end |= senders.next >= end

    def silent(self, workflow: Workflow) -> list[Silence]:
        """The sources of a workflow's events that have been silent for longer than they may be;
        none before the log was read to its end once."""
        facts, last = {fact.type for fact in workflow.facts}, dict[str, Silence]()
        for who, one in self._heard.items():
            if self._facts.get(who.type, who.type) not in facts:
                continue
            if one.offset is None and who not in self._awaited:
                continue
            hours = self._hours.get(who.source, SILENCE_HOURS)
            found = Silence(who.source, one.offset is not None, one.at, hours)
            last[who.source] = max(found, last.get(who.source, found), key=_newest)
        at = now()
        return [one for one in last.values() if self._read_to_end and one.due <= at]

    def close(self) -> None:
        """Give the connection back."""
        self._runner.run(self._places.close())
        self._runner.close()

    def _recalled(self) -> Senders:
        """Take up where the last monitor ended; from now on wait for those never heard."""
        self._heard = {Sender(one.source, one.type): one for one in self._store.heard()}
        missing = self._awaited - self._heard.keys()
        self._hear(Heard(who.source, who.type, None, now()) for who in missing)
        read = [one.offset for one in self._heard.values() if one.offset is not None]
        return Senders(self._bootstrap, max(read, default=-1) + 1)

    def _hear(self, found: Iterable[Heard]) -> None:
        """What the database does not take now is kept with the next."""
        self._unkept |= {Sender(one.source, one.type): one for one in found}
        self._heard |= self._unkept
        if self._unkept:
            self._store.keep_heard(list(self._unkept.values()))
            self._unkept.clear()


def _newest(silence: Silence) -> tuple[bool, int]:
    return silence.spoke, silence.since
