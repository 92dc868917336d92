"""Logs in files: read, put in order of time, and disturbed on purpose, to be sent as a vendor
would send them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from firm.canonical import Canonicaliser, rule_for
from firm.envelope import Envelope, seal_envelope
from firm.errors import BadEvent, HeadwayError
from firm.events import Event, Position
from firm.mapping import LogMapping, read_mapping
from firm.react import Arrival
from firm.time import Micros
from headway.catalogue import mapping_files
from headway.files import FILES, read_records


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
    """The file and the mapping of a log that is known by name; raises UnknownLog."""
    known = mapping_files()
    if name not in known:
        raise UnknownLog(f"no log {name!r}; there are {sorted(known)}")
    folder = known[name].parent
    files = [file for pattern in FILES for file in sorted(folder.glob(pattern))]
    if not files:
        raise UnknownLog(f"{folder} holds a mapping, but no file like {', '.join(FILES)}")
    return files[0], read_mapping(known[name])


def _raise(error: BadEvent) -> None:
    raise error


def outgoing(
    file: Path,
    mapping: LogMapping,
    canonicaliser: Canonicaliser,
    now: Micros,
    refused: Callable[[BadEvent], None] = _raise,
) -> list[Outgoing]:
    """The log as CloudEvents with the vendor's records as their data, in order of event time.

    `refused` is told of each record that gives no event, and so has no place in that order.
    """
    found = []
    for number, record in enumerate(read_records(file, mapping), start=1):
        try:
            rule = rule_for(mapping, record)
            event = canonicaliser.from_record(mapping, rule, record, now)
        except BadEvent as error:
            refused(error)
            continue
        envelope = Envelope(
            id=f"{file.name}:{number}", source=mapping.source, type=rule.type, data=record
        )
        found.append((event.occurred_at, event.id, event.subject, seal_envelope(envelope)))
    return [Outgoing(subject.encode(), payload, at) for at, _, subject, payload in sorted(found)]


@dataclass(frozen=True)
class Taken:
    """The canonical events of a file, in order of event time, and what did not become one.

    Attributes:
        records: how many the file holds.
        repeated: how many gave an event that another had given already.
        refused: how many the mapping refused, by reason.
        examples: the first that was refused for each reason, in words.
    """

    arrivals: list[Arrival]
    records: int
    repeated: int
    refused: dict[str, int]
    examples: dict[str, str]


def take_in(
    file: Path,
    mapping: LogMapping,
    canonicaliser: Canonicaliser,
    now: Micros,
    progress: Callable[[int], None] = lambda _: None,
) -> Taken:
    """Read a file without any server; one bad record does not stop the others."""
    events: dict[str, Event] = {}
    refused, examples, records = Counter[str](), dict[str, str](), 0
    for record in read_records(file, mapping, only_mapped=True):
        records += 1
        progress(1)
        try:
            event = canonicaliser.from_record(mapping, rule_for(mapping, record), record, now)
        except BadEvent as error:
            refused[error.kind] += 1
            examples.setdefault(error.kind, f"record {records}: {error}")
        else:
            events.setdefault(event.id, event)
    ordered = sorted(events.values(), key=lambda event: (event.occurred_at, event.id))
    return Taken(
        arrivals=[Arrival(event, Position(0, place)) for place, event in enumerate(ordered)],
        records=records,
        repeated=records - refused.total() - len(events),
        refused=dict(refused),
        examples=examples,
    )
