"""Who was heard on the log of events, and when last: so a silence is seen whenever it began."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import select

from firm.store.bulk import insert_rows, replace
from firm.store.parts import StorePart
from firm.store.tables import heard
from firm.time import Micros


class Heard(msgspec.Struct, frozen=True, gc=False):
    """What is known of one type of events of one source.

    Attributes:
        offset: of its newest record in the log; None where none has come yet.
        at: when that record came; where none has come, since when it is waited for.
    """

    source: str
    type: str
    offset: int | None
    at: Micros


class HeardSenders(StorePart):
    """Written by the monitor alone."""

    def keep_heard(self, senders: Sequence[Heard]) -> None:
        """Replace what was kept of these, in one transaction."""
        rows = [msgspec.structs.asdict(one) for one in senders]
        with self._database.write() as connection:
            insert_rows(connection, heard, rows, replace)

    def heard(self) -> list[Heard]:
        """All that were ever heard or waited for."""
        query = select(heard).order_by(heard.c.source, heard.c.type)
        with self._database.read() as connection:
            return [Heard(**row) for row in connection.execute(query).mappings()]
