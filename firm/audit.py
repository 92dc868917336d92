"""The audit log is a chain: each entry carries a keyed digest of itself and of the one before.

The key lies outside the database, so who edits a row cannot mend the chain. The head of each
chain is kept (and keyed) too, so cutting off the end shows as well.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

import msgspec

from firm.decision import as_json
from firm.errors import AuditBroken
from firm.time import Micros

GENESIS = b"\x00" * 32


class AuditEntry(msgspec.Struct, frozen=True, gc=False):
    """One thing that was done: who did what to which thing, and a digest of the thing itself."""

    at: Micros
    actor: str
    verb: str
    about: str
    digest: str


class Link(msgspec.Struct, frozen=True, gc=False):
    """An entry in its place in one writer's chain (`seq` counts from 1)."""

    chain: str
    seq: int
    entry: AuditEntry
    hash: bytes


class Head(msgspec.Struct, frozen=True, gc=False):
    """Where a chain ends: the number of its links and the hash of the last."""

    chain: str
    seq: int
    hash: bytes
    seal: bytes


def digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(as_json(value)).hexdigest()


class Chain:
    """The growing end of one writer's chain."""

    def __init__(self, key: bytes, name: str, head: Head | None = None) -> None:
        self._key = key
        self.name = name
        self._seq = head.seq if head else 0
        self._hash = head.hash if head else GENESIS

    def extend(self, entries: Iterable[AuditEntry]) -> list[Link]:
        """The next links, one for each entry."""
        links = []
        for entry in entries:
            self._seq += 1
            self._hash = _link_hash(self._key, self.name, self._seq, self._hash, entry)
            links.append(Link(self.name, self._seq, entry, self._hash))
        return links

    def head(self) -> Head:
        """The end of the chain as it is now, sealed."""
        return Head(
            self.name, self._seq, self._hash, _seal(self._key, self.name, self._seq, self._hash)
        )


def verify(key: bytes, links: Iterable[Link], heads: Iterable[Head]) -> int:
    """Check all chains, given in the order of (chain, seq); return how many links hold.

    Raises:
        AuditBroken: at the first link that was edited, left out, swapped or cut off.
    """
    ends: dict[str, tuple[int, bytes]] = {}
    count = 0
    for link in links:
        seq, before = ends.get(link.chain, (0, GENESIS))
        if link.seq != seq + 1:
            raise AuditBroken(f"chain {link.chain!r}: entry {seq + 1} is missing before {link.seq}")
        expected = _link_hash(key, link.chain, link.seq, before, link.entry)
        if not hmac.compare_digest(expected, link.hash):
            raise AuditBroken(
                f"chain {link.chain!r}: entry {link.seq} was changed after it was "
                f"written ({link.entry.verb} {link.entry.about})"
            )
        ends[link.chain] = (link.seq, link.hash)
        count += 1
    for head in heads:
        _check_head(key, head, ends.pop(head.chain, (0, GENESIS)))
    if ends:
        raise AuditBroken(f"chain {min(ends)!r} has no head: its head row was removed")
    return count


def _check_head(key: bytes, head: Head, end: tuple[int, bytes]) -> None:
    if not hmac.compare_digest(_seal(key, head.chain, head.seq, head.hash), head.seal):
        raise AuditBroken(f"chain {head.chain!r}: the head was changed after it was written")
    if end != (head.seq, head.hash):
        raise AuditBroken(
            f"chain {head.chain!r} ends at entry {end[0]}, its head says {head.seq}: "
            "the end was cut off"
        )


def _link_hash(key: bytes, chain: str, seq: int, before: bytes, entry: AuditEntry) -> bytes:
    message = before + f"{chain}\x1f{seq}\x1f".encode() + as_json(entry)
    return hmac.digest(key, message, "sha256")


def _seal(key: bytes, chain: str, seq: int, last: bytes) -> bytes:
    return hmac.digest(key, b"head" + last + f"{chain}\x1f{seq}".encode(), "sha256")
