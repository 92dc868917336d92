"""Tickets for the tests of workflows that watch them: made up, and of the real log."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import data
from firm.canonical import Canonicaliser
from firm.events import Event
from firm.facts import TicketUpdated
from firm.groups import Observation
from firm.history import Entry
from firm.ids import EventId, SubjectId
from firm.mapping import LogMapping, read_mapping
from firm.time import DAY, Micros, to_datetime, to_micros
from firm.workflow import Workflow
from tests.unit.firm.samples import NOW

FOLDER = Path(data.__file__).parent / "service_incidents"
START = to_micros(datetime(2016, 3, 7, tzinfo=UTC))
"""A Monday."""
LEAKING = frozenset(
    {
        "active",
        "assigned_to",
        "caused_by",
        "closed_at",
        "closed_code",
        "knowledge",
        "resolved_at",
        "resolved_by",
        "sys_created_at",
        "sys_created_by",
        "sys_updated_by",
    }
)
"""Columns in which the log tells what only the future knew, or that come from such a one."""
Record = dict[str, str]


def mapping() -> LogMapping:
    return read_mapping(FOLDER / "mapping.toml")


@cache
def records(rows: int = 3000) -> list[Record]:
    """The first rows of the real log, its second `category` named as it is when it is read."""
    with gzip.open(FOLDER / "incident_events_to_2016-04.csv.gz", "rt", encoding="utf-8") as file:
        lines = csv.reader(file)
        names = next(lines)
        second = names.index("category", names.index("category") + 1)
        names[second] = "category_duplicated_0"
        return [dict(zip(names, line, strict=True)) for line in itertools.islice(lines, rows)]


def canonical(found: Iterable[Mapping[str, Any]]) -> list[Event]:
    """The events of records of the log, in order of time."""
    rules = mapping()
    canonicaliser = Canonicaliser([TicketUpdated], [rules])
    events = [canonicaliser.from_record(rules, rules.event[0], r, NOW) for r in found]
    return sorted(events, key=lambda event: (event.occurred_at, event.id))


def changed(key: str, day: float, state: str = "Active", ticket: str = "1", **said: Any) -> Event:
    """A change of a ticket so many days after START; it was opened on day `opened`."""
    opened = START + round(said.pop("opened", 0.0) * DAY)
    fact = TicketUpdated(
        state=state,
        reassignments=said.pop("reassignments", 0),
        within_sla=said.pop("within_sla", True),
        opened_at=to_datetime(opened),
        **{"priority": "3", "group": "A", "subcategory": "S", **said},
    )
    at = START + round(day * DAY)
    return Event(EventId(key), fact.type, SubjectId(f"ticket:{ticket}"), at, "/tests", fact)


def entries(workflow: Workflow, *events: Event) -> list[Entry]:
    """The events of one ticket as the workflow folds them, in order of time."""
    found = [Entry(e.occurred_at, e.id, e.type, workflow.fold(e)) for e in events]
    return sorted(found, key=lambda entry: (entry.at, entry.event))


def histories(workflow: Workflow, *events: Event) -> list[list[Entry]]:
    """The entries of each ticket."""
    tickets = sorted({event.subject for event in events})
    return [entries(workflow, *(e for e in events if e.subject == t)) for t in tickets]


def known_by(told: Iterable[Observation], at: Micros) -> Counter[Observation]:
    return Counter(observation for observation in told if observation.at <= at)


def looks_ahead(workflow: Workflow, history: Sequence[Entry], at: Micros) -> bool:
    """Whether what was observed by an instant changes with what happens later."""
    whole = known_by(workflow.observations(history, {}), at)
    by_then = workflow.observations([e for e in history if e.at <= at], {})
    return whole != known_by(by_then, at)
