"""The pid record of a running part: what lets the next start clean up after kill -9."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from headway.parts.errors import PartError
from headway.parts.identity import Identity

STOP_SECONDS = 20.0
KILL_SECONDS = 10.0


@dataclass(frozen=True)
class Record:
    """Who runs a part, which process it is, and a text its command line must contain."""

    process: Identity
    owner: Identity
    marker: str

    def write(self, file: Path) -> None:
        """Put the record on disk in one step, so that a reader never sees half of it."""
        draft = file.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(self))
        draft.replace(file)

    @classmethod
    def read(cls, file: Path) -> "Record | None":
        """The record in `file`, or None if there is none that can be read."""
        try:
            return msgspec.json.decode(file.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def orphaned(self) -> bool:
        """Whether the recorded process lives and its command line is the expected one."""
        process = self.process.process()
        try:
            return process is not None and self.marker in " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            return False


def reap(file: Path, stop_signal: signal.Signals) -> None:
    """Stop the process a dead owner left behind, if any, and remove its record.

    Raises PartError if the owner lives and is another process: the part is then in use.
    """
    record = Record.read(file)
    if record is not None and record.orphaned():
        _refuse_living_owner(record, file)
        stop_tree(record.process, stop_signal)
    file.unlink(missing_ok=True)


def stop_tree(identity: Identity, stop_signal: signal.Signals) -> None:
    """Ask a process to stop, wait, then kill it with the children it had."""
    family = with_children(identity)
    if family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(identity.pid, stop_signal)
    if not identity.ended_within(STOP_SECONDS):
        kill_all(family)


def with_children(identity: Identity) -> list[Identity]:
    """A living process and all it started, itself first; empty if it has ended."""
    try:
        process = identity.process()
        children = process.children(recursive=True) if process else []
        return [identity, *(Identity(c.pid, c.create_time()) for c in children)] if process else []
    except psutil.NoSuchProcess:
        return [identity] if identity.process() else []


def kill_all(identities: list[Identity]) -> None:
    """Send SIGKILL to every process of the list that still lives, and wait for their end."""
    for identity in identities:
        if identity.process() is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(identity.pid, signal.SIGKILL)
    for identity in identities:
        if not identity.ended_within(KILL_SECONDS):
            raise PartError(
                f"process {identity.pid} did not end within {KILL_SECONDS:.0f} s of SIGKILL. "
                f"It is likely waiting for a disk: look at 'ps -o stat,wchan {identity.pid}'."
            )


def _refuse_living_owner(record: Record, file: Path) -> None:
    if record.owner != Identity.own() and record.owner.process() is not None:
        raise PartError(
            f"process {record.process.pid} recorded in {file} is in use by process "
            f"{record.owner.pid}. Stop that one first, or use another data folder."
        )
