"""What service level keeps of a change of a ticket, which change asks, and when that is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firm.business_time import week_time
from firm.errors import UnknownType
from firm.events import Event
from firm.facts import TicketUpdated
from firm.history import Entry, Outcome, Values
from firm.ids import EventId
from firm.time import DAY, HOUR, Micros, to_micros

NONE = "-"
"""What stands for a text that is missing: that nobody filled it in tells something by itself."""
NEW, CLOSED = "New", "Closed"
SOLVED = frozenset({"Resolved", CLOSED})
TEXTS = ("group", "category", "subcategory", "symptom", "location", "caller", "opened_by")


def fold(event: Event) -> Values:
    """Texts as they are, levels as numbers too, and when the ticket was opened, as microseconds
    and as days since Monday; `missed` tells nothing before the ticket is closed."""
    said = event.fact
    if not isinstance(said, TicketUpdated):
        raise UnknownType(
            f"service_level folds changes of tickets; got {event.type!r} ({event.ref})"
        )
    opened_at = to_micros(said.opened_at)
    opened = week_time(opened_at)
    return {
        "state": said.state,
        **{name: getattr(said, name) or NONE for name in TEXTS},
        "level": said.priority or NONE,
        "priority": _number(said.priority),
        "impact": _number(said.impact),
        "urgency": _number(said.urgency),
        "opened_at": float(opened_at),
        "opened": opened / DAY,
        "hour": opened % DAY / HOUR,
        "missed": float(not said.within_sla),
        "reassignments": float(said.reassignments),
    }


def is_first(entries: Sequence[Entry]) -> bool:
    """Whether nothing is known of a ticket but how it was opened: only then a score is asked."""
    return len(entries) == 1


def settle(entries: Sequence[Entry]) -> Mapping[EventId, Outcome]:
    """Whether the promise was kept shows when the ticket is closed, for the last time if several.

    Until then every change says that it is kept, however late the ticket is already.
    """
    closed = closing(entries)
    return {entries[0].event: Outcome(missed(closed), closed.at)} if closed else {}


def opened_at(entries: Sequence[Entry]) -> Micros:
    """When the ticket was opened, by its own account."""
    found = entries[0].values["opened_at"]
    return int(found) if isinstance(found, float) else entries[0].at


def missed(closed: Entry) -> float:
    """1.0 if a closed ticket came later than was promised."""
    return 1.0 if closed.values["missed"] else 0.0


def moving(entries: Sequence[Entry]) -> Entry | None:
    """The first change by which the ticket had gone to another group, if there is one."""
    return next((entry for entry in entries if entry.values["reassignments"]), None)


def solving(entries: Sequence[Entry]) -> Entry | None:
    """The first change by which the ticket counted as solved, if there is one."""
    return next((entry for entry in entries if entry.values["state"] in SOLVED), None)


def closing(entries: Sequence[Entry]) -> Entry | None:
    """The last change that closed the ticket, if there is one."""
    return next((e for e in reversed(entries) if e.values["state"] == CLOSED), None)


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
