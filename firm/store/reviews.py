"""Reviews: what a breach opened, the challenger that was trained, and what a person decided."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, select

from firm.audit import AuditEntry, digest
from firm.errors import NotAllowed, UnknownDecision
from firm.store.alerts import MONITOR
from firm.store.bulk import insert_rows, keep
from firm.store.chains import append
from firm.store.parts import StorePart
from firm.store.tables import review
from firm.time import Micros

ReviewStatus = Literal["open", "ready", "closed"]


class Review(msgspec.Struct, frozen=True):
    """A version that somebody has to look at.

    Attributes:
        id: that of the alert that opened it.
        status: `open` until a challenger is trained, `ready` with the comparison, then `closed`.
        challenger: its version; None before, and where none could be trained.
        comparison: champion and challenger on the same later rows, or why there is none.
    """

    id: str
    workflow: str
    version: str
    opened_at: Micros
    status: ReviewStatus = "open"
    challenger: str | None = None
    comparison: dict[str, Any] = {}
    person: str | None = None
    note: str | None = None
    closed_at: Micros | None = None


class Reviews(StorePart):
    """Open, fill and close reviews; each step stands in the audit log."""

    def open_review(self, opened: Review, writer: str) -> bool:
        """Open a review, unless one of the version is not closed yet; whether it was opened."""
        with self._database.write() as connection:
            waiting = select(review.c.id).where(
                review.c.workflow == opened.workflow,
                review.c.version == opened.version,
                (review.c.status != "closed") | (review.c.id == opened.id),
            )
            if connection.execute(waiting).first():
                return False
            insert_rows(connection, review, [_row(opened)], keep)
            append(connection, self._audit_key, writer, [opened_entry(opened)])
        return True

    def compare(
        self, id_: str, challenger: str | None, comparison: dict[str, Any], at: Micros, writer: str
    ) -> None:
        """Add the challenger and how it compares; from now on a person can decide."""
        with self._database.write() as connection:
            _find(connection, id_)
            values = {"challenger": challenger, "comparison": msgspec.json.encode(comparison)}
            update = review.update().where(review.c.id == id_)
            connection.execute(update.values(status="ready", **values))
            told = AuditEntry(at, writer, "compared", id_, compared(challenger, comparison))
            append(connection, self._audit_key, writer, [told])

    def close_review(self, id_: str, person: str, note: str, at: Micros, writer: str) -> None:
        """A person has decided.

        Raises:
            NotAllowed: it is closed already, nobody is named, or no reason is given.
        """
        if not person.strip() or not note.strip():
            raise NotAllowed(f"review {id_}: say who you are and what you decided")
        with self._database.write() as connection:
            found = _find(connection, id_, lock=True)
            if found.status == "closed":
                raise NotAllowed(f"review {id_} was closed by {found.person}")
            said = {"status": "closed", "person": person, "note": note, "closed_at": at}
            connection.execute(review.update().where(review.c.id == id_).values(**said))
            append(connection, self._audit_key, writer, [closed_entry(id_, said)])

    def review(self, id_: str) -> Review:
        """One review. Raises UnknownDecision if there is none."""
        with self._database.read() as connection:
            return _find(connection, id_)

    def reviews(self, workflow: str | None = None, closed: bool = False) -> list[Review]:
        """Reviews, the newest first; only with `closed` those that are."""
        query = select(review).order_by(review.c.opened_at.desc(), review.c.id)
        if workflow is not None:
            query = query.where(review.c.workflow == workflow)
        if not closed:
            query = query.where(review.c.status != "closed")
        with self._database.read() as connection:
            return [read_review(row) for row in connection.execute(query).mappings()]


def opened_entry(opened: Review) -> AuditEntry:
    """How the opening of a review stands in the audit log."""
    return AuditEntry(opened.opened_at, MONITOR, "opened", opened.id, digest(opened))


def compared(challenger: str | None, comparison: dict[str, Any]) -> str:
    """The digest of what a person is shown to decide on."""
    return digest({"challenger": challenger, "comparison": comparison})


def closed_entry(id_: str, said: dict[str, Any]) -> AuditEntry:
    """How the closing of a review stands in the audit log; `said` as its columns have it."""
    return AuditEntry(said["closed_at"], said["person"], "closed", id_, digest(said))


def read_review(row: Any) -> Review:
    """The review back from its row."""
    return Review(**{**row, "comparison": msgspec.json.decode(row["comparison"])})


def _row(one: Review) -> dict[str, Any]:
    return {**msgspec.structs.asdict(one), "comparison": msgspec.json.encode(one.comparison)}


def _find(connection: Connection, id_: str, lock: bool = False) -> Review:
    query = select(review).where(review.c.id == id_)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise UnknownDecision(f"no review has the id {id_!r}; `headway reviews list` lists them")
    return read_review(row)
