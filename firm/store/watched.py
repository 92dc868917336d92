"""The figures that monitoring keeps of a version, as they stand now."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select

from firm.store.bulk import insert_rows, replace
from firm.store.parts import StorePart
from firm.store.tables import watched
from firm.time import Micros


class Watched(msgspec.Struct, frozen=True):
    """Figures of a version, as JSON has them.

    Attributes:
        now: how far the time of the events had come.
        updated_at: by the clock.
    """

    workflow: str
    version: str
    now: Micros
    updated_at: Micros
    figures: dict[str, Any]


class WatchedFigures(StorePart):
    """Keep and read the newest figures; there are one set for each version."""

    def keep_figures(self, found: Watched) -> None:
        """Replace what was kept of the version."""
        row = {**msgspec.structs.asdict(found), "figures": msgspec.json.encode(found.figures)}
        with self._database.write() as connection:
            insert_rows(connection, watched, [row], replace)

    def figures(self, workflow: str) -> list[Watched]:
        """Of each version of a workflow, the one whose figures are newest first."""
        query = select(watched).where(watched.c.workflow == workflow)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(watched.c.updated_at.desc())).mappings()
            return [
                Watched(**{**row, "figures": msgspec.json.decode(row["figures"])}) for row in rows
            ]
