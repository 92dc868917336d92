"""Where PostgreSQL's Unix socket lives: in the data folder, or in a short one if that is long."""

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from headway.parts.account import Account
from headway.parts.errors import PartError

# The kernel keeps a socket's path in 108 bytes with a closing zero.
LONGEST = 107
SOCKET_NAME = ".s.PGSQL.5432"
# A folder of ours in it is used only after its owner and mode were checked.
SHORT_ROOT = Path("/tmp")  # noqa: S108


@dataclass(frozen=True)
class SocketFolder:
    """A folder for one socket that only its owner (and root) can enter."""

    path: Path

    def make(self, account: Account | None) -> None:
        """Create it, for `account` if given; raises PartError if someone else's is in its place."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        self._refuse_foreign(account)
        if account:
            account.own(self.path)
            account.let_through(self.path)

    def remove(self) -> None:
        """Remove it if it is empty; a start makes it again."""
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def _refuse_foreign(self, account: Account | None) -> None:
        status = self.path.lstat()
        owners = {os.geteuid(), account.uid if account else os.geteuid()}
        if self.path.is_symlink() or status.st_uid not in owners or status.st_mode & 0o077:
            raise PartError(
                f"the folder {self.path}, meant for PostgreSQL's socket, is not private to us. "
                "Remove it, or use a data folder with a shorter path."
            )


def socket_folder(folder: Path) -> SocketFolder:
    """The place for the socket of the PostgreSQL in `folder`, always the same one."""
    inside = folder / "socket"
    if len(os.fsencode(inside / SOCKET_NAME)) <= LONGEST:
        return SocketFolder(inside)
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return SocketFolder(SHORT_ROOT / f"headway-{os.geteuid()}-{digest}")
