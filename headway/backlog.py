"""What waits too long for a receiver, or what is too much, is given up: one that stays away costs
only so much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from firm.store import SqlStore
from firm.time import DAY
from firm.webhooks import Delivery, Webhook
from headway.alarms import raise_alarm
from headway.clock import now
from headway.delivery_alarms import too_many_waited, waited_too_long, workflow_of

ACTOR = "webhooks"
BATCH = 1_000
MOST_BATCHES = 100
"""At most so many of one subscriber at a time: whoever decides meanwhile shares the database."""


class Backlog:
    """Gives up the oldest messages that wait, whether they were tried or not.

    Args:
        days: how long a message may wait.
        most: how many may wait for one subscriber.
    """

    def __init__(self, store: SqlStore, days: float, most: int) -> None:
        self._store, self._days, self._most = store, days, most

    def cut(self) -> int:
        """Give up what has waited too long, and the oldest where too many wait, and say so to
        whoever added the subscriber; returns how many."""
        return sum(
            self._cut_old(one.webhook) + self._cut_many(one.webhook)
            for one in self._store.subscriptions()
        )

    def _cut_old(self, webhook: Webhook) -> int:
        def give_up() -> list[Delivery]:
            at = now()
            before = at - int(self._days * DAY)
            return self._store.give_up_deliveries(webhook.id, before, BATCH, answer, at)

        answer = f"given up after {self._days:g} days of waiting"
        lost = _in_batches(give_up)
        for workflow, number in lost.items():
            alarm = waited_too_long(webhook, workflow, number, self._days, now())
            raise_alarm(self._store, ACTOR, alarm)
        return lost.total()

    def _cut_many(self, webhook: Webhook) -> int:
        answer = f"given up, as more than {self._most:,} waited"
        lost = _in_batches(
            lambda: self._store.give_up_beyond(webhook.id, self._most, BATCH, answer, now())
        )
        for workflow, number in lost.items():
            alarm = too_many_waited(webhook, workflow, number, self._most, now())
            raise_alarm(self._store, ACTOR, alarm)
        return lost.total()


def _in_batches(give_up: Callable[[], list[Delivery]]) -> Counter[str]:
    """How many messages were given up of each workflow."""
    lost: Counter[str] = Counter()
    for _ in range(MOST_BATCHES):
        gone = give_up()
        lost.update(map(workflow_of, gone))
        if len(gone) < BATCH:
            break
    return lost
