"""What is to go out, in order: shared by the outbox and by the log of deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, select

from firm.time import Micros


def in_order(
    table: Table, mine: Callable[[Any], Sequence[ColumnElement[bool]]], at: Micros
) -> Select[Any]:
    """The rows among `mine` that are due at an instant, in the order of `seq`, without those whose
    `key` has one that is not due yet."""
    other = table.alias()
    held_up = select(other.c.key).where(*mine(other), other.c.due_at > at)
    due = (*mine(table), table.c.due_at <= at, table.c.key.not_in(held_up))
    return select(table).where(*due).order_by(table.c.seq)
