"""What waits too long for a receiver is given up: one that stays away costs only so much."""

from __future__ import annotations

from collections import Counter

from firm.store import SqlStore
from firm.time import DAY
from firm.webhooks import Delivery, Webhook
from headway.alarms import raise_alarm
from headway.clock import now
from headway.delivery_alarms import waited_too_long, workflow_of

ACTOR = "webhooks"
BATCH = 1_000
MOST_BATCHES = 20
"""At most so many of one subscriber at a time: whoever decides meanwhile shares the database."""


class Backlog:
    """Gives up the oldest messages that wait, whether they were tried or not.

    Args:
        days: how long a message may wait.
    """

    def __init__(self, store: SqlStore, days: float) -> None:
        self._store, self._days = store, days

    def cut(self) -> int:
        """Give up what has waited too long, and say so to whoever added the subscriber; returns
        how many."""
        return sum(self._cut(one.webhook) for one in self._store.subscriptions())

    def _cut(self, webhook: Webhook) -> int:
        lost: Counter[str] = Counter()
        for _ in range(MOST_BATCHES):
            gone = self._give_up(webhook)
            lost.update(map(workflow_of, gone))
            if len(gone) < BATCH:
                break
        for workflow, number in lost.items():
            alarm = waited_too_long(webhook, workflow, number, self._days, now())
            raise_alarm(self._store, ACTOR, alarm)
        return lost.total()

    def _give_up(self, webhook: Webhook) -> list[Delivery]:
        at = now()
        before = at - int(self._days * DAY)
        answer = f"given up after {self._days:g} days of waiting"
        return self._store.give_up_deliveries(webhook.id, before, BATCH, answer, at)
