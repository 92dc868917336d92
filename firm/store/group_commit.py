"""Decisions that come together are recorded together: one transaction for all who wait.

While one group is being committed the next one gathers, so there is no timer: alone, a decision is
written at once; under load, a group is as large as a commit is slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from firm.decision import Action, Decision

Asked = tuple[Decision, Sequence[Action]]
Commit = Callable[[Sequence[Asked]], Awaitable[Sequence[Decision]]]
Close = Callable[[], Awaitable[None]]
MOST = 500
"""Of one group: a transaction that everybody behind it waits for should stay short."""


class GroupCommit:
    """Records decisions within one event loop (implements `firm.ports.Recorder`).

    Args:
        commit: writes a group in one transaction and gives for each the decision that counts.
        close: gives back what `commit` holds on to.
    """

    def __init__(self, commit: Commit, close: Close | None = None) -> None:
        self._commit = commit
        self._close = close
        self._waiting: list[tuple[Asked, asyncio.Future[Decision]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def record(self, taken: Decision, actions: Sequence[Action]) -> Decision:
        """Keep a decision that was asked for; if its id is there already, give the first.

        It returns when the decision is durable. If the group could not be written, each who waits
        for it gets the error: whether it was written is then unknown, and asking again tells.
        """
        recorded: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting.append(((taken, actions), recorded))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await recorded

    async def close(self) -> None:
        """Write what waits, and give everything back."""
        if self._writing is not None:
            await self._writing
        if self._close is not None:
            await self._close()

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                kept = await self._commit([asked for asked, _ in group])
            except Exception as error:  # whatever it is, it is those who wait who must hear of it
                for _, recorded in group:
                    if not recorded.done():
                        recorded.set_exception(error)
            else:
                for (_, recorded), decision in zip(group, kept, strict=True):
                    if not recorded.done():  # whoever asked may have gone
                        recorded.set_result(decision)
