"""Programs that run before a part starts, and end at once when the start is given up."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from headway.parts.account import Account
from headway.parts.process import plain_environment


class Preparation:
    """Runs one program at a time, with all it starts, until `cancel` from another thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._running: subprocess.Popen[str] | None = None
        self._cancelled = False

    def run(
        self, arguments: Sequence[str], *, folder: Path, seconds: float, account: Account | None
    ) -> None:
        """Run a program to its end in `folder`.

        Raises OSError or subprocess.SubprocessError, with its stderr, if it fails, takes longer
        than `seconds` or is cancelled.
        """
        with self._start(arguments, folder, account) as process:
            try:
                _, errors = process.communicate(timeout=seconds)
            finally:
                self._end(process)
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, arguments[0], stderr=errors)

    def allow(self) -> None:
        """Let programs run again after a `cancel`."""
        self._cancelled = False

    def cancel(self) -> None:
        """End what runs, and let nothing more be started."""
        with self._guard:
            self._cancelled = True
            process = self._running
        if process is not None:
            self._end(process)

    def _start(
        self, arguments: Sequence[str], folder: Path, account: Account | None
    ) -> subprocess.Popen[str]:
        with self._guard:
            if self._cancelled:
                raise subprocess.SubprocessError(f"{arguments[0]} was not started: told to stop")
            self._running = subprocess.Popen(  # noqa: S603 - our own program and arguments
                arguments,
                cwd=folder,
                env=plain_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                **(account.popen_arguments() if account else {}),
            )
            return self._running

    def _end(self, process: "subprocess.Popen[str]") -> None:
        with self._guard:
            if self._running is process and process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            self._running = None
        process.wait()
