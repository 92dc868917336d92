"""Logs in files: read, put in order of time, and disturbed on purpose, to be sent as a vendor
would send them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from firm.canonical import Canonicaliser
from firm.envelope import Envelope, seal_envelope
from firm.errors import HeadwayError
from firm.mapping import LogMapping
from firm.time import Micros
from headway.catalogue import DATA, mappings

FILES = ("*.csv.gz", "*.csv", "*.parquet")


class UnknownLog(HeadwayError):
    """No log of this name comes with the house, and no file is there."""

    kind = "unknown-log"


@dataclass(frozen=True)
class Outgoing:
    """A payload as a vendor sends it; the time of its event, to order and to pace by."""

    key: bytes
    payload: bytes
    occurred_at: Micros


@dataclass(frozen=True)
class Disturbance:
    """What delivery does to events on the way: repeats some, delays others past their followers."""

    duplicates: float = 0.0
    disorder: float = 0.0
    seed: int = 7
    reach: int = 40

    def apply(self, events: Sequence[Outgoing]) -> list[Outgoing]:
        """The events as they arrive; the same seed disturbs them in the same way."""
        rng = random.Random(self.seed)  # noqa: S311  (not for secrets)
        arriving: list[tuple[float, Outgoing]] = []
        for place, event in enumerate(events):
            delayed = rng.random() < self.disorder
            at = place + (rng.uniform(1, self.reach) if delayed else 0.0)
            arriving.append((at, event))
            if rng.random() < self.duplicates:
                arriving.append((at + rng.uniform(0.5, self.reach), event))
        return [event for _, event in sorted(arriving, key=lambda pair: pair[0])]


def find_log(name: str) -> tuple[Path, LogMapping]:
    """The file and the mapping of a log in `data/`; raises UnknownLog."""
    known = mappings()
    if name not in known:
        raise UnknownLog(f"no log {name!r}; there are {sorted(known)}")
    folder = DATA / name
    files = [file for pattern in FILES for file in sorted(folder.glob(pattern))]
    if not files:
        raise UnknownLog(f"{folder} holds a mapping, but no file like {', '.join(FILES)}")
    return files[0], known[name]


def read_records(file: Path) -> list[dict[str, Any]]:
    """The rows of a CSV or Parquet file, every value as text, missing ones as None."""
    if file.suffix == ".parquet":
        frame = pl.read_parquet(file)
    else:
        frame = pl.read_csv(file, infer_schema=False)
    return frame.to_dicts()


def outgoing(
    file: Path, mapping: LogMapping, canonicaliser: Canonicaliser, now: Micros
) -> list[Outgoing]:
    """The log as CloudEvents with the vendor's records as their data, in order of event time."""
    (rule,) = mapping.event
    found = []
    for number, record in enumerate(read_records(file), start=1):
        event = canonicaliser.from_record(mapping, rule, record, now)
        envelope = Envelope(
            id=f"{file.name}:{number}", source=mapping.source, type=rule.type, data=record
        )
        found.append((event.occurred_at, event.id, event.subject, seal_envelope(envelope)))
    return [Outgoing(subject.encode(), payload, at) for at, _, subject, payload in sorted(found)]
