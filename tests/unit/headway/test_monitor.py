"""The process of monitoring ends when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from firm.store import SqlStore

LOOKING = """
import sys, time
from headway import monitor
from headway.settings import Settings

def look(self):
    print("looking", flush=True)
    time.sleep(600)

monitor.LOOK_SECONDS = 0
monitor.Monitor.look = look
monitor.run(Settings())
"""


def test_a_look_under_way_is_left_when_the_process_is_told_to_end(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    store = SqlStore(url, b"key")
    store.migrate()
    store.close()
    environment = {**os.environ, "HEADWAY_DATABASE": url, "HEADWAY_HOME": str(tmp_path)}
    command = [sys.executable, "-c", LOOKING]
    with subprocess.Popen(  # noqa: S603  (our own command)
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert "looking\n" in process.stdout
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 128 + signal.SIGTERM
        finally:
            process.kill()
