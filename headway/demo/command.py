"""Run the demo on a copy of its own, and print what it found."""

from __future__ import annotations

import shutil
import signal
import sys
from datetime import datetime

import msgspec
from rich.console import Console

from headway.copy import Copy
from headway.demo.claims import failures
from headway.demo.logs import LOGS
from headway.demo.run import Demo, Window
from headway.demo.show import show
from headway.logs import UnknownLog
from headway.parts.locks import FolderLock
from headway.parts.record import reap
from headway.progress import Progress
from headway.settings import Settings


def run_demo(
    settings: Settings,
    log: str,
    *,
    seed: int,
    until: datetime | None,
    whole: bool,
    as_json: bool,
    keep: bool,
) -> bool:
    """Start a copy in a fresh folder, run the demo on it, print; True if something did not hold.

    Raises:
        UnknownLog: there is no demo on this log, or nothing of it is left to be scored.
    """
    if log not in LOGS:
        raise UnknownLog(f"no demo on {log!r}; there are demos on {sorted(LOGS)}")
    window = Window.of(LOGS[log].cut, until, 1 if whole else LOGS[log].one_of)
    said = Console(stderr=True)
    progress = Progress(said)
    with Copy.start(_fresh(settings, log), progress.say) as copy:
        found = Demo(copy, LOGS[log], window, progress, seed).run()
        found = msgspec.structs.replace(found, failed=failures(found, LOGS[log]))
        if as_json:
            sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        else:
            show(found, Console(), keep)
        sys.stdout.flush()
        if keep:
            said.print(f"still up: {copy.api_url}/docs and {copy.mlflow_url}; Ctrl-C stops")
            signal.pause()
        progress.say("stopping all that was started")
    return bool(found.failed)


def _fresh(settings: Settings, log: str) -> Settings:
    """Settings with a home of the demo's own, emptied: a demo begins from nothing."""
    home = (settings.home / f"demo-{log}").resolve()
    lock = FolderLock(home)
    for record in home.glob("*/process.json"):
        reap(record, signal.SIGTERM)
    shutil.rmtree(home)
    lock.release()
    return settings.model_copy(update={"home": home})
