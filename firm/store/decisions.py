"""Decisions: recorded once, whoever asks again gets the first; read by time and with outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, tuple_

from firm.audit import AuditEntry, digest
from firm.decision import Action, Decision
from firm.errors import UnknownDecision
from firm.ids import DecisionId
from firm.store.bulk import insert_new, insert_rows, keep
from firm.store.chains import append
from firm.store.group_commit import Asked, GroupCommit
from firm.store.parts import StorePart
from firm.store.postgres_commit import IN_FLIGHT, PostgresCommit
from firm.store.rows import (
    action_row,
    decision_row,
    goes_out,
    message,
    read_decision,
)
from firm.store.tables import action, decision, outbox, outcome
from firm.time import Micros

CHUNK = 1_000


class Decisions(StorePart):
    """Record and read decisions."""

    def record_all(self, asked: Sequence[Asked], writer: str) -> list[Decision]:
        """Keep several decisions in one transaction; return for each the one that counts."""
        with self._database.write() as connection:
            fresh = write_decisions(connection, [taken for taken, _ in asked])
            write_actions(
                connection,
                [a for taken, todo in asked if fresh.get(taken.id) is taken for a in todo],
            )
            append(connection, self._audit_key, writer, map(_entry, fresh.values()))
            first = _by_id(connection, [t.id for t, _ in asked if t.id not in fresh]) | fresh
        return [first[taken.id] for taken, _ in asked]

    def recorder(self, writer: str) -> GroupCommit:
        """Record decisions from an event loop, those that come together in one transaction."""
        if self._database.is_postgresql:
            commit = PostgresCommit(self._database.engine, self._audit_key, writer)
            return GroupCommit(commit, commit.close, IN_FLIGHT)
        return GroupCommit(lambda asked: asyncio.to_thread(self.record_all, asked, writer))

    def decision(self, id_: DecisionId) -> Decision:
        """One decision by its id.

        Raises:
            UnknownDecision: there is none.
        """
        with self._database.read() as connection:
            found = _by_id(connection, [id_])
        if id_ not in found:
            raise UnknownDecision(f"no decision has the id {id_!r}; check it for a typing error")
        return found[id_]

    def decisions(
        self,
        workflow: str,
        since: Micros | None = None,
        until: Micros | None = None,
        subject: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Decision]:
        """Decisions with since <= as_of < until, oldest first; read in chunks."""
        query = select(decision.c.as_of, decision.c.id, decision.c.body)
        query = query.where(*_within(workflow, since, until))
        if subject is not None:
            query = query.where(decision.c.subject == subject)
        for row in self._chunks(query, limit):
            yield read_decision(row.body)

    def judged(
        self, workflow: str, since: Micros | None = None, until: Micros | None = None
    ) -> Iterator[tuple[Decision, float | None, Micros | None]]:
        """Decisions with since <= as_of < until, each with its outcome and when that was known;
        None and None where it is not known, or was taken back."""
        query = select(
            decision.c.as_of, decision.c.id, decision.c.body, outcome.c.value, outcome.c.known_at
        ).join_from(decision, outcome, outcome.c.decision == decision.c.id, isouter=True)
        for row in self._chunks(query.where(*_within(workflow, since, until)), None):
            known_at = row.known_at if row.value is not None else None
            yield read_decision(row.body), row.value, known_at

    def _chunks(self, query: Select[Any], limit: int | None) -> Iterator[Any]:
        place = (decision.c.as_of, decision.c.id)
        after: ColumnElement[bool] | None = None
        left = limit
        while left is None or left > 0:
            size = CHUNK if left is None else min(CHUNK, left)
            page = query if after is None else query.where(after)
            with self._database.read() as connection:
                rows = connection.execute(page.order_by(*place).limit(size)).all()
            yield from rows
            if len(rows) < size:
                return
            after = tuple_(*place) > (rows[-1].as_of, rows[-1].id)
            left = None if left is None else left - size


def write_decisions(connection: Connection, taken: Sequence[Decision]) -> dict[str, Decision]:
    """Write the decisions whose id is free, and tell the world of them; return these by id."""
    first: dict[str, Decision] = {}
    for one in taken:
        first.setdefault(one.id, one)
    rows = {id_: decision_row(one) for id_, one in first.items()}
    # In the order of ids, so that two writers of the same decisions cannot wait for each other.
    written = insert_new(connection, decision, [rows[id_] for id_ in sorted(rows)], decision.c.id)
    fresh = {id_: one for id_, one in first.items() if id_ in written}
    insert_rows(connection, outbox, [message(one) for one in fresh.values()])
    return fresh


def write_actions(connection: Connection, actions: Sequence[Action]) -> None:
    """Write the actions; those that wait for nobody go out at once, unless they are withheld."""
    insert_rows(connection, action, [action_row(one) for one in actions], keep)
    insert_rows(connection, outbox, [message(one) for one in actions if goes_out(one)])


def _by_id(connection: Connection, ids: Sequence[str]) -> dict[str, Decision]:
    if not ids:
        return {}
    query = select(decision.c.id, decision.c.body).where(decision.c.id.in_(ids))
    return {row.id: read_decision(row.body) for row in connection.execute(query)}


def _within(workflow: str, since: Micros | None, until: Micros | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [decision.c.workflow == workflow]
    if since is not None:
        conditions.append(decision.c.as_of >= since)
    if until is not None:
        conditions.append(decision.c.as_of < until)
    return conditions


def _entry(taken: Decision) -> AuditEntry:
    actor = f"model {taken.model_version}"
    return AuditEntry(taken.decided_at, actor, "decided", taken.id, digest(taken))
