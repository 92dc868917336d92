"""Dead letters: what could not be taken in, whole, with its reason, until somebody redrives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from firm.react import Received
from firm.store.bulk import insert_rows, keep
from firm.store.parts import StorePart
from firm.store.tables import dead_letter
from firm.time import Micros


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A record that was refused, where it stands in which topic, and why.

    Attributes:
        workflow: the workflow that refused it; None where it was refused before any saw it.
        kind: the slug of the error, as `HeadwayError.kind`.
        payload: the bytes as they came, whole.
    """

    topic: str
    partition: int
    offset: int
    kind: str
    reason: str
    payload: bytes
    received_at: Micros
    workflow: str | None = None
    redriven_at: Micros | None = None


class DeadLetters(StorePart):
    """Put aside, list, and mark as redriven."""

    def reject(self, letters: Sequence[DeadLetter]) -> None:
        """Put the records aside; one that is there already stays as it is."""
        with self._database.write() as connection:
            write_letters(connection, letters)

    def dead_letters(
        self, workflow: str | None = None, redriven: bool = False, limit: int = 1_000
    ) -> list[DeadLetter]:
        """Letters in the order in which they were received: those that wait, or those redriven."""
        query = select(dead_letter).where(dead_letter.c.redriven_at.is_not(None) == redriven)
        if workflow is not None:
            query = query.where(dead_letter.c.workflow == workflow)
        place = (dead_letter.c.received_at, *dead_letter.primary_key.columns)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(*place).limit(limit)).mappings().all()
        return [DeadLetter(**{**row, "workflow": row["workflow"] or None}) for row in rows]

    def count_dead_letters(self) -> int:
        """How many wait to be redriven."""
        waiting = select(func.count()).where(dead_letter.c.redriven_at.is_(None))
        with self._database.read() as connection:
            return connection.execute(waiting).scalar_one()

    def mark_redriven(self, letters: Sequence[DeadLetter], at: Micros) -> None:
        """Note that the letters were sent on their way again."""
        with self._database.write() as connection:
            for letter in letters:
                key = _row(letter)
                ours = [c == key[c.name] for c in dead_letter.primary_key.columns]
                connection.execute(dead_letter.update().where(*ours).values(redriven_at=at))


def write_letters(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Write the letters that are not there yet."""
    insert_rows(connection, dead_letter, [_row(letter) for letter in letters], keep)


def rejected_letter(workflow: str, received: Received, topic: str, at: Micros) -> DeadLetter:
    """The letter for an event that a workflow refused; its reason starts with the error's kind."""
    position = received.arrival.position
    return DeadLetter(
        topic=topic,
        partition=position.partition,
        offset=position.offset,
        kind=received.reason.partition(":")[0],
        reason=received.reason,
        payload=received.arrival.payload,
        received_at=at,
        workflow=workflow,
    )


def _row(letter: DeadLetter) -> dict[str, Any]:
    row = msgspec.structs.asdict(letter)
    return {**row, "workflow": letter.workflow or "", "reason": _storable(letter.reason)}


def _storable(text: str) -> str:
    """A reason may quote what it refuses: PostgreSQL takes no NUL, and UTF-8 no lone surrogate."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
