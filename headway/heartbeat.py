"""Tells a process that advances from one that only lives: its event loop touches a file, and
whoever looks reads how long ago that was. Gunicorn watches its workers in the same way."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

BEAT_SECONDS = 0.5
STDERR = 2


class Heartbeat:
    """Of the process whose folder this is.

    The file's time of change is that of the monotonic clock, which all processes of a machine
    share and nobody sets.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "heartbeat"

    @property
    def silence(self) -> float | None:
        """Seconds since the last beat; None before the first, and after a stop in good order."""
        try:
            return time.monotonic() - self._file.stat().st_mtime
        except FileNotFoundError:
            return None

    def forget(self) -> None:
        """What an earlier process left says nothing of the next one."""
        self._file.unlink(missing_ok=True)

    @asynccontextmanager
    async def beating(self, told_seconds: float) -> AsyncIterator[None]:
        """Beat from this event loop until the block ends.

        Args:
            told_seconds: once the loop has stood for so long, stderr says where each thread stands.
        """
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._beat(told_seconds)
        beats = asyncio.create_task(self._go_on(told_seconds))
        try:
            yield
        finally:
            beats.cancel()
            with suppress(asyncio.CancelledError):
                await beats
            faulthandler.cancel_dump_traceback_later()
            self.forget()

    async def _go_on(self, told_seconds: float) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self._beat(told_seconds)

    def _beat(self, told_seconds: float) -> None:
        faulthandler.dump_traceback_later(told_seconds, file=STDERR)
        if not self._file.exists():
            self._file.touch(mode=0o600)
        now = time.monotonic()
        os.utime(self._file, (now, now))
