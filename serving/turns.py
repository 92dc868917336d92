"""Work that would hold up the event loop, one piece in each of its turns."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Hands out the turns of one event loop, in the order in which they were asked for.

    Between two pieces of work the loop sees to its sockets, so what the first has sent is on its
    way, and answered, while the second is done.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False

    async def take(self) -> None:
        """Return in a turn of the loop that nobody else has taken."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._next)
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # whoever asked may have gone
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False
