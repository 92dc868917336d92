"""The outbox: what the world must be told because of what was committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy import func, select

from firm.store.parts import StorePart
from firm.store.tables import outbox
from firm.time import Micros


class OutboxRow(msgspec.Struct, frozen=True, gc=False):
    """One message.

    Attributes:
        kind: whether `payload` is the JSON of a Decision or of an Action.
        key: the subject; messages of one subject go out in the order of `seq`.
    """

    seq: int
    kind: Literal["decision", "action"]
    key: str
    payload: bytes


class Outbox(StorePart):
    """Read what has to go out, and note that it went."""

    def pending(
        self, kind: Literal["decision", "action"] | None = None, limit: int = 1_000
    ) -> list[OutboxRow]:
        """The oldest messages that were not sent yet, in order; all, or those of one kind."""
        columns = [outbox.c[field] for field in OutboxRow.__struct_fields__]
        query = select(*columns).where(outbox.c.sent_at.is_(None)).order_by(outbox.c.seq)
        if kind is not None:
            query = query.where(outbox.c.kind == kind)
        with self._database.read() as connection:
            return [OutboxRow(*row) for row in connection.execute(query.limit(limit))]

    def count_pending(self) -> dict[str, int]:
        """How many messages of each kind were not sent yet."""
        query = select(outbox.c.kind, func.count()).where(outbox.c.sent_at.is_(None))
        with self._database.read() as connection:
            found = connection.execute(query.group_by(outbox.c.kind)).all()
        return {"decision": 0, "action": 0} | {row[0]: row[1] for row in found}

    def mark_sent(self, seqs: Sequence[int], at: Micros) -> None:
        """Note that these went out; until then they are pending, also after a crash."""
        with self._database.write() as connection:
            connection.execute(outbox.update().where(outbox.c.seq.in_(seqs)).values(sent_at=at))
