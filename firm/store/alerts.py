"""Alerts as they are handled: raised once, taken up, resolved, each step in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select

from firm.alerts import Alert, AlertId, AlertStatus, Handling
from firm.audit import AuditEntry, digest
from firm.decision import as_json
from firm.errors import NotAllowed, UnknownDecision
from firm.store.bulk import insert_rows
from firm.store.chains import append
from firm.store.parts import StorePart
from firm.store.tables import alert, alert_handling
from firm.time import Micros

MONITOR = "monitor"
"""The actor who raises alerts: no person does."""


class AlertRecord(msgspec.Struct, frozen=True, gc=False):
    """An alert and how far it has been dealt with.

    Attributes:
        times: how often the same was found since it was raised, itself included.
        last_at: when it was found last, in the time of the events.
        raised_at: when it was raised, by the clock.
        person, note: who handled it last, and what they said.
    """

    alert: Alert
    status: AlertStatus
    times: int
    last_at: Micros
    raised_at: Micros
    person: str | None = None
    note: str | None = None


class Alerts(StorePart):
    """Raise alerts and follow how they are dealt with."""

    def raise_alerts(self, found: Sequence[Alert], raised_at: Micros) -> list[Alert]:
        """Keep what is new; returns it. What is still unresolved is counted, not raised again."""
        with self._database.write() as connection:
            fresh = [one for one in found if _raise(connection, one, raised_at)]
            append(
                connection, self._audit_key, MONITOR, [raised_entry(o, raised_at) for o in fresh]
            )
        return fresh

    def alerts(
        self, workflow: str | None = None, unresolved: bool = True, limit: int = 1_000
    ) -> list[AlertRecord]:
        """Alerts, the newest first."""
        query = select(alert)
        if workflow is not None:
            query = query.where(alert.c.workflow == workflow)
        if unresolved:
            query = query.where(alert.c.status != "resolved")
        ordered = query.order_by(alert.c.at.desc(), alert.c.id).limit(limit)
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(ordered).mappings()]

    def alert(self, id_: AlertId) -> AlertRecord:
        """One alert. Raises UnknownDecision if there is none."""
        with self._database.read() as connection:
            return _find(connection, id_)

    def handlings(self, id_: AlertId) -> list[Handling]:
        """What people said of an alert, oldest first."""
        query = select(alert_handling).where(alert_handling.c.alert == id_)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(alert_handling.c.seq)).mappings()
            return [read_handling(row) for row in rows]

    def handle_alert(self, handling: Handling, writer: str) -> None:
        """Keep what a person said of an alert.

        Raises:
            NotAllowed: somebody has resolved it in the meantime.
        """
        with self._database.write() as connection:
            if _find(connection, handling.alert, lock=True).status == "resolved":
                raise NotAllowed(f"alert {handling.alert} is resolved already")
            insert_rows(connection, alert_handling, [msgspec.structs.asdict(handling)])
            said = {name: getattr(handling, name) for name in ("status", "person", "note")}
            connection.execute(alert.update().where(alert.c.id == handling.alert).values(**said))
            append(connection, self._audit_key, writer, [handled_entry(handling)])


def _raise(connection: Connection, found: Alert, raised_at: Micros) -> bool:
    """Whether it is new: neither found before nor one more of an unresolved alert."""
    if connection.execute(select(alert.c.id).where(alert.c.id == found.id)).first():
        return False
    row = connection.execute(_like(found).with_for_update()).mappings().first()
    if row is None:
        insert_rows(connection, alert, [_row(found, raised_at)])
        return True
    if found.at > row["last_at"]:
        again = alert.update().where(alert.c.id == row["id"])
        connection.execute(again.values(times=row["times"] + 1, last_at=found.at))
    return False


def _like(found: Alert) -> Select[Any]:
    """The unresolved alert that says the same; also one that was found later, or resolved later
    than this was found: what is read again after a restart raises nothing."""
    same = [alert.c[name] == getattr(found, name) for name in ("workflow", "version", "kind")]
    open_or_later = (alert.c.status != "resolved") | (alert.c.last_at >= found.at)
    return select(alert).where(*same, alert.c.about == found.about, open_or_later)


def _row(found: Alert, raised_at: Micros) -> dict[str, Any]:
    fields = msgspec.structs.asdict(found)
    return {
        **fields,
        "evidence": as_json(found.evidence),
        "status": "open",
        "times": 1,
        "last_at": found.at,
        "raised_at": raised_at,
    }


def raised_entry(found: Alert, raised_at: Micros) -> AuditEntry:
    """How an alert stands in the audit log."""
    return AuditEntry(raised_at, MONITOR, "raised", found.id, digest(found))


def handled_entry(handling: Handling) -> AuditEntry:
    """How what a person said of an alert stands in the audit log."""
    about, told = handling.alert, digest(handling)
    return AuditEntry(handling.at, handling.person, handling.status, about, told)


def read_handling(row: Any) -> Handling:
    """What a person said, back from its row."""
    return Handling(**{name: row[name] for name in Handling.__struct_fields__})


def read_alert(row: Any) -> Alert:
    """The alert back from its row; its figures as they were written, 3 and 3.0 told apart, so that
    its digest is that of the day when it was raised."""
    fields = {name: row[name] for name in Alert.__struct_fields__}
    return Alert(**{**fields, "evidence": msgspec.json.decode(row["evidence"])})


def _find(connection: Connection, id_: AlertId, lock: bool = False) -> AlertRecord:
    query = select(alert).where(alert.c.id == id_)
    query = query.with_for_update() if lock else query
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownDecision(f"no alert has the id {id_!r}; `headway alerts list` lists them")
    return _record(row)


def _record(row: Any) -> AlertRecord:
    return AlertRecord(
        read_alert(row),
        row["status"],
        row["times"],
        row["last_at"],
        row["raised_at"],
        row["person"],
        row["note"],
    )
