"""Promotions: which model version was made live when, by whom, approved by whom, and why."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Select, select

from firm.audit import AuditEntry, digest
from firm.decision import as_json
from firm.store.bulk import insert_rows
from firm.store.chains import append
from firm.store.parts import StorePart
from firm.store.tables import promotion
from firm.time import Micros


class Promotion(msgspec.Struct, frozen=True):
    """A version made live; going back to an older one is a promotion too.

    Attributes:
        uri: where the model's file lies; `sha256` and `size` (bytes) say which file it must be.
        gates: the figures with which it passed its gates.
    """

    workflow: str
    version: str
    uri: str
    sha256: str
    size: int
    promoted_by: str
    approved_by: str
    why: str
    at: Micros
    gates: dict[str, float] = {}


class Promotions(StorePart):
    """Append only: what was live at any time can be told for ever."""

    def promote(self, made: Promotion, writer: str) -> None:
        """Make a version live from `made.at` on."""
        row = {**msgspec.structs.asdict(made), "gates": as_json(made.gates)}
        with self._database.write() as connection:
            insert_rows(connection, promotion, [row])
            append(connection, self._audit_key, writer, [promotion_entry(made)])

    def live(self, workflow: str, at: Micros | None = None) -> Promotion | None:
        """The newest promotion, or the newest at an instant; None while there is none."""
        query = _of(workflow).order_by(promotion.c.at.desc(), promotion.c.seq.desc()).limit(1)
        if at is not None:
            query = query.where(promotion.c.at <= at)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return read_promotion(row) if row else None

    def promotions(self, workflow: str) -> list[Promotion]:
        """All promotions of a workflow, oldest first."""
        query = _of(workflow).order_by(promotion.c.at, promotion.c.seq)
        with self._database.read() as connection:
            return [read_promotion(row) for row in connection.execute(query).mappings()]


def promotion_entry(made: Promotion) -> AuditEntry:
    """How a promotion stands in the audit log."""
    about = f"{made.workflow} version {made.version}"
    return AuditEntry(made.at, made.promoted_by, "promoted", about, digest(made))


def read_promotion(row: Any) -> Promotion:
    """The promotion back from its row."""
    fields = {name: row[name] for name in Promotion.__struct_fields__}
    gates = msgspec.json.decode(row["gates"], type=dict[str, float])
    return Promotion(**{**fields, "gates": gates})


def _of(workflow: str) -> Select[Any]:
    return select(promotion).where(promotion.c.workflow == workflow)
