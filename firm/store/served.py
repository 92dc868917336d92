"""Which version each process serves, as it says itself: how far a promotion has come."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import select

from firm.store.bulk import insert_rows, replace
from firm.store.parts import StorePart
from firm.store.tables import serving_version
from firm.time import Micros


class Served(msgspec.Struct, frozen=True):
    """What one process serves of one workflow.

    Attributes:
        version: that of the champion, the rule's name where the rule decides.
        because: why the rule decides, or why a newer version was refused; empty otherwise.
        move: the last move of the record that the process has seen.
        at: since when it serves that version.
    """

    worker: str
    workflow: str
    version: str
    because: str
    move: int
    at: Micros


class ServedVersions(StorePart):
    """Each process writes its own rows."""

    def note_served(self, served: Sequence[Served]) -> None:
        """Write down what a process serves now."""
        rows = [msgspec.structs.asdict(one) for one in served]
        with self._database.write() as connection:
            insert_rows(connection, serving_version, rows, replace)

    def served(self, workflow: str) -> list[Served]:
        """What each process serves of a workflow."""
        query = select(serving_version).where(serving_version.c.workflow == workflow)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(serving_version.c.worker)).mappings()
            return [Served(**row) for row in found]

    def forget_served(self, worker: str | None = None) -> None:
        """A process ends, or all of them have: it serves nothing any more."""
        gone = serving_version.delete()
        if worker is not None:
            gone = gone.where(serving_version.c.worker == worker)
        with self._database.write() as connection:
            connection.execute(gone)
