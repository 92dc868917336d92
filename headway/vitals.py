"""What the running copy says of itself: what answers, what advances, and its metrics."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping

from features.reach import ping
from firm.errors import HeadwayError
from firm.store import SqlStore
from headway.lags import Lags
from headway.metrics import Standing, exposition
from headway.settings import Settings
from headway.workers import silences, unwell
from stream.advance import Lag, LogAway, LogPlaces

MOST_ALERTS = 10_000


class CopyVitals:
    """Asks the parts themselves (implements `serving.health.Vitals`)."""

    def __init__(self, settings: Settings, store: SqlStore, workflows: Collection[str]) -> None:
        self._settings, self._store = settings, store
        self._log = LogPlaces(settings.kafka or "")
        self._known = Lags(store, workflows)

    async def away(self) -> Mapping[str, str]:
        """By part that it does not answer, the other workers of the API among them."""
        parts = {
            "database": asyncio.to_thread(self._store.offsets),
            "online store": asyncio.to_thread(ping, self._settings.redis or ""),
            "log": self._log.now(),
        }
        found = await asyncio.gather(*parts.values(), return_exceptions=True)
        for answer in found:
            if isinstance(answer, BaseException) and not isinstance(answer, HeadwayError):
                raise answer
        away = [p for p, one in zip(parts, found, strict=True) if isinstance(one, HeadwayError)]
        return {
            **dict.fromkeys(away, "does not answer; see the service's log and `headway up`"),
            **{f"worker {name}": why for name, why in unwell(self._settings).items()},
        }

    async def stands(self) -> Mapping[str, str]:
        """By workflow that it takes nothing in although records wait for it."""
        try:
            lags = await self._lags()
        except HeadwayError:
            return await self.away() or {"log": "did not answer for a moment; ask again"}
        return {
            slug: f"{lag.records:,} records wait, none was taken in for {lag.stands_seconds:.0f} s"
            for slug, lag in lags.items()
            if lag.stalled
        }

    async def metrics(self) -> bytes:
        """All metrics, in Prometheus' text format.

        Raises:
            StoreUnavailable: the figures that the database has cannot be had.
        """
        try:
            lags: Mapping[str, Lag] | None = await self._lags()
        except LogAway:
            lags = None
        return await asyncio.to_thread(self._exposition, lags)

    async def close(self) -> None:
        """Give the connection to the log back."""
        await self._log.close()

    async def _lags(self) -> dict[str, Lag]:
        end, gone = await self._log.now()
        return await asyncio.to_thread(self._known.now, end, gone)

    def _exposition(self, lags: Mapping[str, Lag] | None) -> bytes:
        store = self._store
        alerts = Counter(
            (one.alert.workflow, one.alert.kind) for one in store.alerts(limit=MOST_ALERTS)
        )
        waiting = None if lags is None else {slug: lag.records for slug, lag in lags.items()}
        standing = Standing(
            waiting,
            store.count_pending(),
            store.count_dead_letters(),
            alerts,
            store.count_deliveries(),
            silences(self._settings),
        )
        return exposition(standing, self._settings.metrics)
