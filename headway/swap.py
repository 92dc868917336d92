"""Watch a promotion arrive at each process that scores."""

from __future__ import annotations

import time

from firm.errors import HeadwayError
from firm.store import Served, SqlStore

PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.02


class NotServed(HeadwayError):
    """A process has not taken a promotion over."""

    kind = "not-served"


def wait_until_served(
    store: SqlStore, workflow: str, seconds: float = PATIENCE_SECONDS
) -> list[Served]:
    """Wait until each process has seen the last move of a workflow; returns what each serves.

    Raises:
        NotServed: some have not in time; they are named. The promotion stands all the same.
    """
    last = max((move.seq for move in store.moves(workflow)), default=0)
    deadline = time.monotonic() + seconds
    while behind := [one for one in store.served(workflow) if one.move < last]:
        if time.monotonic() > deadline:
            raise NotServed(
                f"{', '.join(one.worker for one in behind)} did not take over within {seconds:g} "
                f"s; look at its log and at `headway models {workflow}`"
            )
        time.sleep(POLL_SECONDS)
    return store.served(workflow)
