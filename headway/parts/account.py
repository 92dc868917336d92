"""The unprivileged account PostgreSQL runs as when we are root: it refuses to run as root."""

import os
import pwd
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from headway.parts.errors import PartError

# The first that exists is used; no account is created. An operator who wants PostgreSQL kept
# apart from other services makes one called headway: 'useradd --system headway'.
CANDIDATES = ("headway", "postgres", "nobody")

ACL = "system.posix_acl_access"
ACL_VERSION = struct.pack("<I", 2)
USER_OBJ, USER, GROUP_OBJ, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
NO_ID = 0xFFFFFFFF
PASS = 0o1

AclEntry = tuple[int, int, int]


class PopenArguments(TypedDict, total=False):
    """The arguments of subprocess.Popen that change the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A system account by its numbers."""

    uid: int
    gid: int

    def popen_arguments(self) -> PopenArguments:
        """What subprocess needs to run a child as this account and with no other group."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Make `folder` this account's own and closed to all others (except root)."""
        os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)

    def let_through(self, target: Path) -> None:
        """Let this account pass the folders above `target`; it still cannot list them."""
        for folder in target.resolve().parents:
            if not self._passes(folder):
                _allow_passing(folder, self.uid)

    def _passes(self, folder: Path) -> bool:
        status = folder.stat()
        owner_passes = status.st_uid == self.uid and status.st_mode & 0o100
        return bool(owner_passes or status.st_mode & 0o001)


def unprivileged() -> Account | None:
    """The account to run PostgreSQL as, or None when we are not root and need no other."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PartError(
        "PostgreSQL does not run as root, and none of the accounts it could run as exists: "
        f"{', '.join(CANDIDATES)}. Make one with 'useradd --system headway', or start as a user."
    )


def _allow_passing(folder: Path, uid: int) -> None:
    """Grant one account the right to pass `folder`: by an access list, or to all without one."""
    try:
        entries = _with_passing(_acl(folder), uid)
        os.setxattr(folder, ACL, ACL_VERSION + b"".join(struct.pack("<HHI", *e) for e in entries))
    except OSError:
        folder.chmod(folder.stat().st_mode | 0o001)


def _acl(folder: Path) -> list[AclEntry]:
    """The access list of `folder`, made from its mode if it has none."""
    if ACL in os.listxattr(folder):
        raw = os.getxattr(folder, ACL)[len(ACL_VERSION) :]
        return [(tag, bits, who) for tag, bits, who in struct.iter_unpack("<HHI", raw)]
    mode = folder.stat().st_mode
    owner, group, other = mode >> 6 & 7, mode >> 3 & 7, mode & 7
    return [(USER_OBJ, owner, NO_ID), (GROUP_OBJ, group, NO_ID), (OTHER, other, NO_ID)]


def _with_passing(entries: list[AclEntry], uid: int) -> list[AclEntry]:
    """The same list with the right to pass for `uid`, in the order the kernel asks for."""
    rights = {(tag, who): bits for tag, bits, who in entries}
    rights[USER, uid] = rights.get((USER, uid), 0) | PASS
    group_bits = rights[GROUP_OBJ, NO_ID]
    rights[MASK, NO_ID] = rights.get((MASK, NO_ID), group_bits) | PASS
    return sorted((tag, bits, who) for (tag, who), bits in rights.items())
