"""Writing the effects of one batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Table, case

from firm.audit import AuditEntry, Chain
from firm.decision import Decision
from firm.react import Effects, Received
from firm.store.bulk import Insert, insert_rows, replace
from firm.store.chains import write_links
from firm.store.dead_letters import DeadLetter, rejected_letter, write_letters
from firm.store.decisions import write_actions, write_decisions
from firm.store.rows import group_row, inbox_row, outcome_row, subject_row
from firm.store.tables import group_state, inbox, outcome, subject_state, tally
from firm.time import day_of

COUNTED_FATES = ("counted", "late", "duplicate", "rejected")
"""The fates of events; a request that was answered is no event of the firm."""


def write_effects(connection: Connection, effects: Effects, topic: str, chain: Chain) -> None:
    """Write all that a batch brings about, and extend the stream's chain.

    A decision whose id is taken already is left out whole, with its actions and its audit entry:
    what was decided first stays.
    """
    workflow = effects.workflow
    _write_received(connection, effects, topic)
    subjects = [subject_row(workflow, state) for state in effects.subjects]
    insert_rows(connection, subject_state, subjects, replace)
    groups = [group_row(workflow, state) for state in effects.groups]
    insert_rows(connection, group_state, groups, replace)
    fresh = write_decisions(connection, effects.decisions)
    write_actions(connection, [a for a in effects.actions if a.decision in fresh])
    outcomes = [outcome_row(judged, effects.decided_at) for judged in effects.judged]
    insert_rows(connection, outcome, outcomes, _revise_outcome)
    links = chain.extend(_entries(effects, fresh))
    write_links(connection, links, chain.head())


def write_refused(connection: Connection, workflow: str, refused: Sequence[DeadLetter]) -> None:
    """Keep the records that never became events, and count them on the day they were received."""
    write_letters(connection, refused)
    days = Counter(day_of(letter.received_at) for letter in refused)
    rows = [
        {"workflow": workflow, "day": day, **dict.fromkeys(COUNTED_FATES, 0), "rejected": count}
        for day, count in sorted(days.items())
    ]
    insert_rows(connection, tally, rows, _add_up)


def _write_received(connection: Connection, effects: Effects, topic: str) -> None:
    workflow, received = effects.workflow, effects.received
    rows = [inbox_row(workflow, one) for one in _fates(received)]
    insert_rows(connection, inbox, rows, _accept_after_all)
    insert_rows(connection, tally, _tally_rows(workflow, received), _add_up)
    letters = [
        rejected_letter(workflow, one, topic, effects.decided_at)
        for one in received
        if one.fate == "rejected"
    ]
    write_letters(connection, letters)


def _fates(received: Sequence[Received]) -> Iterable[Received]:
    """One for each event id: the first that was not rejected, as `_accept_after_all` has it."""
    found: dict[str, Received] = {}
    for one in received:
        before = found.setdefault(one.arrival.event.id, one)
        if before.fate == "rejected" != one.fate:
            found[one.arrival.event.id] = one
    return found.values()


def _tally_rows(workflow: str, received: Sequence[Received]) -> list[dict[str, object]]:
    days: dict[int, Counter[str]] = {}
    for one in received:
        if one.fate in COUNTED_FATES:
            day = day_of(one.arrival.event.occurred_at)
            days.setdefault(day, Counter())[one.fate] += 1
    return [
        {"workflow": workflow, "day": day, **{fate: counts[fate] for fate in COUNTED_FATES}}
        for day, counts in sorted(days.items())
    ]


def _entries(effects: Effects, fresh: dict[str, Decision]) -> list[AuditEntry]:
    known = {decision.id for decision in effects.decisions} - fresh.keys()
    entries: dict[tuple[str, str], AuditEntry] = {}
    for entry in effects.audit:
        if entry.about not in known:
            entries.setdefault((entry.verb, entry.about), entry)
    return list(entries.values())


def _accept_after_all(table: Table, statement: Insert) -> Insert:
    """An event that was rejected may come again (redriven) and be taken in; otherwise keep."""
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[table.c.workflow, table.c.event_id],
        set_={name: new[name] for name in ("fate", "partition", "offset", "occurred_at")},
        where=(table.c.fate == "rejected") & (new.fate != "rejected"),
    )


def _revise_outcome(table: Table, statement: Insert) -> Insert:
    """The newest outcome counts; `revision` says how often its value has changed."""
    new = statement.excluded
    changed = table.c.value.is_distinct_from(new.value)
    return statement.on_conflict_do_update(
        index_elements=[table.c.decision],
        set_={
            "value": new.value,
            "known_at": new.known_at,
            "recorded_at": new.recorded_at,
            "revision": case((changed, table.c.revision + 1), else_=table.c.revision),
        },
    )


def _add_up(table: Table, statement: Insert) -> Insert:
    """Counts are added to those that are there."""
    return statement.on_conflict_do_update(
        index_elements=[table.c.workflow, table.c.day],
        set_={name: table.c[name] + statement.excluded[name] for name in COUNTED_FATES},
    )
