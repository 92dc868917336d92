"""One child process of ours: started behind a gate, recorded, logged to a file, and stopped."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headway.parts.account import Account
from headway.parts.identity import Identity
from headway.parts.record import STOP_SECONDS, Record, kill_all, stop_tree, with_children

# The shell waits until its pid is on record and only then becomes the part. If we die before
# that, its input ends and so does it: no part ever runs unrecorded.
GATE = ("/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "headway-part")
LOG_TAIL_LINES = 12


@dataclass(frozen=True)
class Command:
    """What to run: arguments, a text its command line keeps, the folder, and as whom."""

    arguments: Sequence[str]
    marker: str
    folder: Path
    environment: Mapping[str, str]
    account: Account | None = None


class Child:
    """A started child process with its log `<folder>/log.txt` and record `<folder>/process.json`.

    It runs in a session of its own, so Ctrl-C in a terminal reaches only us, and we stop it in
    good order.
    """

    def __init__(self, command: Command, stop_signal: signal.Signals) -> None:
        self._log = command.folder / "log.txt"
        self._record = record_file(command.folder)
        self._stop_signal = stop_signal
        self._popen = self._spawn(command)
        self._identity = Identity.of(self._popen.pid)
        self._open_gate(command.marker)

    @property
    def pid(self) -> int:
        """The id of the part's main process."""
        return self._popen.pid

    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._popen.poll() is not None

    def stop(self) -> None:
        """Ask it to stop, wait, kill if it does not, and remove the record."""
        stop_tree(self._identity, self._stop_signal)
        self._forget()

    def kill(self) -> None:
        """End it and its children at once with SIGKILL, as a crash would."""
        kill_all(with_children(self._identity))
        self._forget()

    def log_tail(self) -> str:
        """The last lines of its log, for an error message."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:]) or "(the log is empty)"

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        if self._log.exists():
            self._log.replace(self._log.with_name("log.previous.txt"))
        with self._log.open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - our own program and arguments
                [*GATE, *command.arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=command.folder,
                env=dict(command.environment),
                start_new_session=True,
                **(command.account.popen_arguments() if command.account else {}),
            )

    def _open_gate(self, marker: str) -> None:
        Record(self._identity, Identity.own(), marker).write(self._record)
        if self._popen.stdin:
            with contextlib.suppress(BrokenPipeError), self._popen.stdin as gate:
                gate.write(b"go\n")

    def _forget(self) -> None:
        self._popen.wait(STOP_SECONDS)
        self._record.unlink(missing_ok=True)


def record_file(folder: Path) -> Path:
    """Where the pid record of the part in `folder` is kept."""
    return folder / "process.json"


def plain_environment() -> dict[str, str]:
    """An environment without our settings and secrets: a part needs none of them."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
