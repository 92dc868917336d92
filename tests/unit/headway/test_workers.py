"""A process of the API that never comes to serve is named, ended, and started again."""

from __future__ import annotations

import sys
from pathlib import Path

from structlog.testing import capture_logs

from headway.settings import Settings
from headway.supervisor import Supervisor
from headway.workers import ApiWorker, unwell
from tests.stage import until

START_SECONDS = 3.0
HANGS_AT_FIRST = """
import asyncio, pathlib, time
from headway.heartbeat import Heartbeat
here = pathlib.Path({home!r})
if not (here / "hung").exists():
    (here / "hung").touch()
    time.sleep(600)
async def serve():
    async with Heartbeat(here / "serve").beating(60):
        await asyncio.sleep(600)
asyncio.run(serve())
"""


def test_one_that_hangs_while_it_is_imported_is_named_ended_and_started_again(
    tmp_path: Path,
) -> None:
    """A real process, whose event loop has not begun to move."""
    settings = Settings(home=tmp_path, start_seconds=START_SECONDS)
    program = [sys.executable, "-c", HANGS_AT_FIRST.format(home=str(tmp_path))]
    worker = ApiWorker("serve", program, tmp_path, {})
    keeper = Supervisor([worker], [worker], settings.hung_seconds, settings.start_seconds)
    worker.start()
    try:
        hung = worker.pid
        assert unwell(settings) == {}
        until(lambda: "does not serve" in unwell(settings).get("serve", ""), 60)
        assert worker.pid == hung, "it lives"
        with capture_logs() as said:
            keeper.start()
            until(lambda: worker.pid not in (None, hung), 60)
        keeper.stop()
        assert said[0]["event"] == "hangs in its start, and is ended"
        until(lambda: worker.silence is not None, 60)
        assert unwell(settings) == {}
    finally:
        keeper.stop()
        worker.kill()
