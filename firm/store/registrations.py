"""The versions that training registered, signed, with what they reached at their gates."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select

from firm.audit import AuditEntry, digest
from firm.decision import as_json
from firm.errors import ModelRefused
from firm.promotion import Registration
from firm.store.bulk import insert_rows
from firm.store.chains import append
from firm.store.parts import StorePart
from firm.store.tables import model_version


class Registrations(StorePart):
    """Append only: what a version reached at its gates can be told for ever."""

    def register(self, made: Registration, signature: str, writer: str) -> None:
        """Keep a version that was trained."""
        row = {
            **msgspec.structs.asdict(made),
            "gates": as_json(made.gates),
            "failed": as_json(made.failed),
            "signature": signature,
        }
        with self._database.write() as connection:
            insert_rows(connection, model_version, [row])
            append(connection, self._audit_key, writer, [registration_entry(made)])

    def registration(self, workflow: str, version: str) -> tuple[Registration, str]:
        """A version with its signature. Raises ModelRefused if there is none."""
        this = (model_version.c.workflow == workflow) & (model_version.c.version == version)
        with self._database.read() as connection:
            row = connection.execute(select(model_version).where(this)).mappings().one_or_none()
        if row is None:
            raise ModelRefused(
                f"no version {version!r} of {workflow} is registered here; `headway models "
                f"{workflow}` lists those that are"
            )
        return read_registration(row), row["signature"]

    def registrations(self, workflow: str) -> list[Registration]:
        """All versions of a workflow, oldest first."""
        query = select(model_version).where(model_version.c.workflow == workflow)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(model_version.c.at)).mappings()
            return [read_registration(row) for row in rows]


def registration_entry(made: Registration) -> AuditEntry:
    """How a registration stands in the audit log."""
    about = f"{made.workflow} version {made.version}"
    return AuditEntry(made.at, made.trained_by, "registered", about, digest(made))


def read_registration(row: Any) -> Registration:
    """The registration back from its row."""
    fields = {name: row[name] for name in Registration.__struct_fields__}
    fields["gates"] = msgspec.json.decode(row["gates"], type=dict[str, float])
    fields["failed"] = msgspec.json.decode(row["failed"], type=tuple[str, ...])
    return Registration(**fields)
