"""What staffing fit keeps of a change of a ticket, which change asks, and when that is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firm.business_time import week_time
from firm.errors import UnknownType
from firm.events import Event
from firm.facts import TicketUpdated
from firm.history import Entry, Outcome, Values
from firm.ids import EventId
from firm.time import DAY, HOUR, to_micros

NONE = "-"
"""What stands for a text that is missing: that nobody filled it in tells something by itself."""
CLOSED = "Closed"
SOLVED = frozenset({"Resolved", CLOSED})
TEXTS = ("group", "category", "subcategory", "symptom", "location", "caller", "opened_by")


def fold(event: Event) -> Values:
    """Texts as they are, levels as numbers, and when in the week the ticket was opened."""
    said = event.fact
    if not isinstance(said, TicketUpdated):
        raise UnknownType(
            f"staffing_fit folds changes of tickets; got {event.type!r} ({event.ref})"
        )
    opened = week_time(to_micros(said.opened_at))
    return {
        "state": said.state,
        **{name: getattr(said, name) or NONE for name in TEXTS},
        "priority": _level(said.priority),
        "impact": _level(said.impact),
        "urgency": _level(said.urgency),
        "opened": opened / DAY,
        "hour": opened % DAY / HOUR,
        "reassignments": float(said.reassignments),
    }


def is_first(entries: Sequence[Entry]) -> bool:
    """Whether nothing is known of a ticket but how it was opened: only then a score is asked."""
    return len(entries) == 1


def settle(entries: Sequence[Entry]) -> Mapping[EventId, Outcome]:
    """The first group was wrong from the first reassignment on, and right once the ticket closed
    without any."""
    reassigned = next((e for e in entries if is_reassigned(e)), None)
    closed = next((e for e in entries if e.values["state"] == CLOSED), None)
    if reassigned is not None:
        return {entries[0].event: Outcome(1.0, reassigned.at)}
    return {entries[0].event: Outcome(0.0, closed.at)} if closed else {}


def is_reassigned(entry: Entry) -> bool:
    """Whether the ticket had changed its group by then."""
    return bool(entry.values["reassignments"])


def is_solved(entry: Entry) -> bool:
    """Whether the ticket counted as solved then; it may have been opened again later."""
    return entry.values["state"] in SOLVED


def holds(entry: Entry) -> str | None:
    """The group that has the ticket to work on; None where it is nobody's, or solved."""
    group = entry.values["group"]
    return group if isinstance(group, str) and group != NONE and not is_solved(entry) else None


def solved_by(entries: Sequence[Entry]) -> str | None:
    """The group that had the ticket when it was solved first; None while it is open."""
    solved = next(filter(is_solved, entries), None)
    group = solved.values["group"] if solved is not None else NONE
    return group if isinstance(group, str) and group != NONE else None


def _level(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
