"""Where the parts are, and how another command finds a running copy of them."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from headway.parts.identity import Identity


@dataclass(frozen=True)
class ExternalAddresses:
    """Servers of one's own; None means: run an embedded one."""

    kafka: str | None = None
    """Bootstrap servers, host:port[,host:port...]."""
    database: str | None = None
    """A SQLAlchemy URL of a PostgreSQL database."""
    redis: str | None = None
    """redis://host:port/number."""


@dataclass(frozen=True)
class Addresses:
    """Where all three parts serve."""

    kafka_bootstrap: str
    database_url: str
    redis_url: str


@dataclass(frozen=True)
class Published:
    """What parts.json holds: the addresses and the process that keeps them up."""

    owner: Identity
    addresses: Addresses


def publish(folder: Path, addresses: Addresses) -> None:
    """Write the addresses, which may hold a password, for us alone to read, in one step."""
    draft = _file(folder).with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.encode(Published(Identity.own(), addresses)))
    draft.replace(_file(folder))


def forget(folder: Path) -> None:
    """Take the published addresses back."""
    _file(folder).unlink(missing_ok=True)


def running(folder: Path) -> Addresses | None:
    """The addresses of the copy that runs on `folder`, or None if none does."""
    try:
        published = msgspec.json.decode(_file(folder).read_bytes(), type=Published)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return published.addresses if published.owner.process() else None


def _file(folder: Path) -> Path:
    return folder / "parts.json"
