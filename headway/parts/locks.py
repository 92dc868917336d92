"""Lock files that the kernel frees when their holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from headway.parts.errors import PartError


class FolderLock:
    """Keeps a data folder for one live copy; held from construction until `release`.

    Raises PartError when another live process holds the folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = (folder / "lock").open("a+")
        if not _locked(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            owner = _owner(self._file)
            self._file.close()
            raise PartError(
                f"the data folder {folder} is in use by {owner}. "
                "Stop that copy first, or start this one with another data folder."
            )
        self._sign()

    @property
    def released(self) -> bool:
        """Whether the folder was given up."""
        return self._file.closed

    def release(self) -> None:
        """Give the folder up; the lock file stays, empty, for the next holder."""
        self._file.truncate(0)
        self._file.close()

    def _sign(self) -> None:
        """Write who holds the lock, for the message a second copy shows."""
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()


@contextmanager
def waiting_lock(file: Path) -> Iterator[None]:
    """Hold `file` for a moment, waiting for other processes or threads that hold it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def _locked(file: IO[str], operation: int) -> bool:
    try:
        fcntl.flock(file, operation)
    except BlockingIOError:
        return False
    return True


def _owner(file: IO[str]) -> str:
    file.seek(0)
    pid = file.read().strip()
    return f"process {pid}" if pid else "another process"
