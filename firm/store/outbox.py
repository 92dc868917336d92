"""The outbox: what the world must be told because of what was committed.

A message names the decision or the action that it is about; what goes out is read there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Select, func, select

from firm.decision import as_json
from firm.errors import UnknownDecision
from firm.store.parts import StorePart
from firm.store.pending import in_order
from firm.store.rows import read_action
from firm.store.tables import action, decision, outbox
from firm.time import Micros


class OutboxRow(msgspec.Struct, frozen=True, gc=False):
    """One message.

    Attributes:
        kind: whether `payload` is the JSON of a Decision or of an Action.
        key: the subject; messages of one subject go out in the order of `seq`.
        tries: how often it has failed.
    """

    seq: int
    kind: Literal["decision", "action"]
    key: str
    payload: bytes
    tries: int = 0


class Outbox(StorePart):
    """Read what has to go out, and note that it went."""

    def pending(
        self, kind: Literal["decision", "action"] | None = None, limit: int = 1_000
    ) -> list[OutboxRow]:
        """The oldest messages that were not sent yet, in order; all, or those of one kind."""
        query = select(outbox).where(outbox.c.sent_at.is_(None)).order_by(outbox.c.seq)
        if kind is not None:
            query = query.where(outbox.c.kind == kind)
        with self._database.read() as connection:
            return _read(connection, query.limit(limit))

    def due_actions(self, at: Micros, limit: int) -> list[OutboxRow]:
        """The oldest actions that are due, in order; those on a subject wait while an earlier one
        on it has been put off."""
        due = in_order(outbox, lambda t: (t.c.sent_at.is_(None), t.c.kind == "action"), at)
        with self._database.read() as connection:
            return _read(connection, due.limit(limit))

    def put_off(self, row: OutboxRow, until: Micros) -> None:
        """Note that a message failed, and that it is not due before an instant."""
        later = outbox.update().where(outbox.c.seq == row.seq)
        with self._database.write() as connection:
            connection.execute(later.values(tries=row.tries + 1, due_at=until))

    def count_pending(self) -> dict[str, int]:
        """How many messages of each kind were not sent yet."""
        query = select(outbox.c.kind, func.count()).where(outbox.c.sent_at.is_(None))
        with self._database.read() as connection:
            found = connection.execute(query.group_by(outbox.c.kind)).all()
        return {"decision": 0, "action": 0} | {row[0]: row[1] for row in found}

    def mark_sent(self, seqs: Sequence[int], at: Micros) -> None:
        """Note that these went out; until then they are pending, also after a crash."""
        with self._database.write() as connection:
            note_sent(connection, seqs, at)

    def forget_sent(self, before: Micros, limit: int) -> int:
        """Remove some messages that were sent before an instant; returns how many."""
        old = select(outbox.c.seq).where(outbox.c.sent_at < before).limit(limit)
        with self._database.write() as connection:
            return connection.execute(outbox.delete().where(outbox.c.seq.in_(old))).rowcount


def note_sent(connection: Connection, seqs: Sequence[int], at: Micros) -> None:
    """Note, within a transaction, that these went out."""
    connection.execute(outbox.update().where(outbox.c.seq.in_(seqs)).values(sent_at=at))


def _read(connection: Connection, messages: Select[Any]) -> list[OutboxRow]:
    """The messages with the JSON of what they are about.

    Raises:
        UnknownDecision: it is not there any more: it was removed by hand.
    """
    rows = connection.execute(messages).all()
    of: dict[str, list[str]] = {"decision": [], "action": []}
    for row in rows:
        of[row.kind].append(row.about)
    said = _decisions(connection, of["decision"]) | _actions(connection, of["action"])
    if missing := {row.about for row in rows} - said.keys():
        raise UnknownDecision(
            f"{len(missing)} messages of the outbox are about decisions or actions that were "
            f"removed from the database, the first about {min(missing)!r}: put them back from a "
            "backup, or note those messages as sent"
        )
    return [OutboxRow(row.seq, row.kind, row.key, said[row.about], row.tries) for row in rows]


def _decisions(connection: Connection, ids: Sequence[str]) -> dict[str, bytes]:
    if not ids:
        return {}
    bodies = select(decision.c.id, decision.c.body).where(decision.c.id.in_(ids))
    return {row.id: row.body for row in connection.execute(bodies)}


def _actions(connection: Connection, ids: Sequence[str]) -> dict[str, bytes]:
    if not ids:
        return {}
    todo = connection.execute(select(action).where(action.c.id.in_(ids))).mappings()
    return {row["id"]: as_json(read_action(row)) for row in todo}
