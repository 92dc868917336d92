"""Alerts and reviews held against the audit log: what was found, and what people said of it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from firm.audit import AuditEntry
from firm.errors import AuditBroken
from firm.store.alerts import handled_entry, raised_entry, read_alert, read_handling
from firm.store.reviews import Review, closed_entry, compared, opened_entry, read_review
from firm.store.tables import alert, alert_handling, audit_link, review

OF_ALERTS = ("raised", "acknowledged", "resolved", "opened", "closed")
SAID = ("status", "person", "note")


def entries_of_alerts(connection: Connection) -> Iterator[AuditEntry]:
    """What the rows of alerts and reviews say that the chains must say too."""
    for row in connection.execute(select(alert)).mappings():
        yield raised_entry(read_alert(row), row["raised_at"])
    for row in connection.execute(select(alert_handling)).mappings():
        yield handled_entry(read_handling(row))
    for row in connection.execute(select(review)).mappings():
        found = read_review(row)
        yield opened_entry(Review(found.id, found.workflow, found.version, found.opened_at))
        if found.status == "closed":
            said = {name: row[name] for name in (*SAID, "closed_at")}
            yield closed_entry(found.id, said)


def check_alerts(connection: Connection) -> None:
    """Raise AuditBroken where the standing of an alert, or the comparison that a review shows, is
    not what was said last."""
    handlings = select(alert_handling).order_by(alert_handling.c.seq)
    last = {row["alert"]: row for row in connection.execute(handlings).mappings()}
    for row in connection.execute(select(alert)).mappings():
        said = last.get(row["id"], {"status": "open", "person": None, "note": None})
        if any(row[name] != said[name] for name in SAID):
            raise AuditBroken(
                f"alert {row['id']} is {row['status']}, but {said['status']} is what was said of "
                "it last: its row was changed"
            )
    of_reviews = select(audit_link).where(audit_link.c.verb == "compared")
    shown = {row.about: row.digest for row in connection.execute(of_reviews)}
    for row in connection.execute(select(review)).mappings():
        found = read_review(row)
        told = shown.get(found.id)
        if told is not None and told != compared(found.challenger, found.comparison):
            raise AuditBroken(f"the comparison of review {found.id} was changed after it was made")
