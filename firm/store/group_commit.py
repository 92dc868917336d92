"""Decisions that come together are recorded together: one transaction for all who wait.

While a group is being committed the next one gathers, so there is no timer: alone, a decision is
written at once; under load, a group is as large as a commit is slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

from firm.decision import Action, Decision

Asked = tuple[Decision, Sequence[Action]]
Commit = Callable[[Sequence[Asked]], Awaitable[Sequence[Decision]]]
Close = Callable[[], Awaitable[None]]
MOST = 500
"""Of one group, unless they came at once: a transaction that everybody behind it waits for should
stay short."""
_Waiting = tuple[Sequence[Asked], asyncio.Future[list[Decision]]]


class GroupCommit:
    """Records decisions within one event loop (implements `firm.ports.Recorder`).

    Args:
        commit: writes a group in one transaction and gives for each the decision that counts.
        close: gives back what `commit` holds on to.
        in_flight: so many groups are committed at a time.
    """

    def __init__(self, commit: Commit, close: Close | None = None, in_flight: int = 1) -> None:
        self._commit = commit
        self._close = close
        self._in_flight = in_flight
        self._waiting: list[_Waiting] = []
        self._writing: set[asyncio.Task[None]] = set()

    async def record_all(self, asked: Sequence[Asked]) -> list[Decision]:
        """Keep decisions that were asked for; give for each the one that counts: the first of its
        id. They share a transaction, and may share it with others.

        It returns when they are durable. If the group could not be written, each who waits for it
        gets the error: whether it was written is then unknown, and asking again tells.
        """
        recorded: asyncio.Future[list[Decision]] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, recorded))
        # One that is done has left its loop, and is only forgotten in the loop's next turn.
        if sum(not one.done() for one in self._writing) < self._in_flight:
            writing = asyncio.create_task(self._write())
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)
        return await recorded

    async def close(self) -> None:
        """Write what waits, and give everything back."""
        while self._writing:
            await asyncio.wait(self._writing)
        if self._close is not None:
            await self._close()

    async def _write(self) -> None:
        while self._waiting:
            group = self._next()
            try:
                kept = iter(await self._commit([one for asked, _ in group for one in asked]))
            except Exception as error:  # whatever it is, it is those who wait who must hear of it
                for _, recorded in group:
                    if not recorded.done():
                        recorded.set_exception(error)
            else:
                for asked, recorded in group:
                    theirs = list(islice(kept, len(asked)))
                    if not recorded.done():  # whoever asked may have gone
                        recorded.set_result(theirs)

    def _next(self) -> list[_Waiting]:
        """Take out who comes into the next group, in their order."""
        group = [self._waiting.pop(0)]
        size = len(group[0][0])
        while self._waiting and size + len(self._waiting[0][0]) <= MOST:
            group.append(self._waiting.pop(0))
            size += len(group[-1][0])
        return group
