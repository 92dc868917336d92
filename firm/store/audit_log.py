"""The audit log as auditors read it: verified against its key and against what it tells of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, get_args

import msgspec
from sqlalchemy import Connection, Row, Select, func, select

from firm.audit import AuditEntry, Head, Link, digest, verify
from firm.decision import Verdict
from firm.errors import AuditBroken
from firm.standing import Kind
from firm.store.audited_alerts import OF_ALERTS, check_alerts, entries_of_alerts
from firm.store.chains import append
from firm.store.governance import verdict_entry
from firm.store.parts import StorePart
from firm.store.promotions import (
    declined_entry,
    promotion_entry,
    proposal_entry,
    read_declined,
    read_promotion,
    read_proposal,
)
from firm.store.registrations import read_registration, registration_entry
from firm.store.rows import decision_row, read_decision
from firm.store.tables import (
    audit_head,
    audit_link,
    decision,
    model_version,
    promotion,
    proposal,
    verdict,
)

CHUNK = 2_000
OF_VERSIONS = ("registered", "proposed", "declined", *get_args(Kind))
OF_PEOPLE = ("agreed", "refused", *OF_VERSIONS, *OF_ALERTS)


class AuditLog(StorePart):
    """Verify and export the chains."""

    def verify(self) -> int:
        """Check each link, and that decisions, verdicts, promotions, alerts and reviews are as the
        links say.

        Returns how many links hold.

        Raises:
            AuditBroken: at the first entry or row that was changed, removed or slipped in.
        """
        with self._database.snapshot() as connection:
            with closing(_links(connection)) as links:
                count = verify(self._audit_key, links, _heads(connection))
            _check_decisions(connection)
            _check_people(connection)
            check_alerts(connection)
        return count

    def note(self, entry: AuditEntry, writer: str) -> None:
        """Keep an entry that tells of nothing that is kept in this database."""
        with self._database.write() as connection:
            append(connection, self._audit_key, writer, [entry])

    def export(self) -> Iterator[dict[str, Any]]:
        """Every link as plain values, chain by chain; hashes in hex."""
        with self._database.snapshot() as connection, closing(_links(connection)) as links:
            for link in links:
                entry = msgspec.structs.asdict(link.entry)
                yield {"chain": link.chain, "seq": link.seq, **entry, "hash": link.hash.hex()}


def _rows(connection: Connection, query: Select[Any]) -> Generator[Row[Any], None, None]:
    """The rows in chunks; whoever stops early must close it before the connection goes."""
    with connection.execute(query, execution_options={"yield_per": CHUNK}) as found:
        yield from found


def _links(connection: Connection) -> Generator[Link, None, None]:
    query = select(audit_link).order_by(audit_link.c.chain, audit_link.c.seq)
    with closing(_rows(connection, query)) as found:
        for row in found:
            yield Link(row.chain, row.seq, _entry(row), row.hash)


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(row.at, row.actor, row.verb, row.about, row.digest)


def _heads(connection: Connection) -> list[Head]:
    columns = [audit_head.c[field] for field in Head.__struct_fields__]
    return [Head(*row) for row in connection.execute(select(*columns))]


def _check_decisions(connection: Connection) -> None:
    told = (audit_link.c.about == decision.c.id) & (audit_link.c.verb == "decided")
    kept = select(decision, audit_link.c.digest).join_from(decision, audit_link, told, isouter=True)
    count = 0
    with closing(_rows(connection, kept)) as found:
        for row in found:
            _check_decision(dict(row._mapping))
            count += 1
    decided = select(func.count()).where(audit_link.c.verb == "decided")
    if count != connection.execute(decided).scalar_one():
        gone = select(audit_link.c.about).where(
            audit_link.c.verb == "decided", audit_link.c.about.not_in(select(decision.c.id))
        )
        missing = connection.execute(gone.limit(1)).scalar()
        raise AuditBroken(f"decision {missing} was removed after it was recorded")


def _check_decision(row: dict[str, Any]) -> None:
    told = row.pop("digest")
    if told is None:
        raise AuditBroken(f"decision {row['id']} is in no chain: it was slipped in")
    try:
        kept = read_decision(row["body"])
    except ValueError as error:
        raise AuditBroken(f"decision {row['id']} cannot be read: {error}") from error
    if digest(kept) != told or decision_row(kept) != row:
        raise AuditBroken(f"decision {row['id']} was changed after it was recorded")


def _check_people(connection: Connection) -> None:
    """Verdicts, promotions and alerts are few: both sides fit in memory."""
    verdicts = connection.execute(select(verdict)).mappings()
    kept = Counter(verdict_entry(Verdict(**row)) for row in verdicts)
    kept.update(_entries_of_versions(connection))
    kept.update(entries_of_alerts(connection))
    of_people = select(audit_link).where(audit_link.c.verb.in_(OF_PEOPLE))
    told = Counter(_entry(row) for row in connection.execute(of_people))
    for entry in (kept - told) + (told - kept):
        raise AuditBroken(
            f"{entry.actor} {entry.verb} {entry.about}: its row and the chain differ; one of them "
            "was changed, removed or slipped in"
        )


def _entries_of_versions(connection: Connection) -> Iterator[AuditEntry]:
    for row in connection.execute(select(model_version)).mappings():
        yield registration_entry(read_registration(row))
    for row in connection.execute(select(proposal)).mappings():
        yield proposal_entry(read_proposal(row))
        if row["status"] == "declined":
            yield declined_entry(read_declined(row))
    for row in connection.execute(select(promotion)).mappings():
        yield promotion_entry(read_promotion(row))
