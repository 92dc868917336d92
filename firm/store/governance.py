"""Actions and the people who agree to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Select, literal, select

from firm.audit import AuditEntry, digest
from firm.decision import Action, Verdict
from firm.errors import NotAllowed, UnknownDecision
from firm.ids import ActionId, DecisionId
from firm.store.bulk import insert_rows
from firm.store.chains import append
from firm.store.parts import StorePart
from firm.store.rows import message, read_action
from firm.store.tables import action, outbox, verdict
from firm.time import Micros

_WAITING = literal("waiting", literal_execute=True)
"""As text within the statement: only so can it be seen that the index of those holds all."""
Status = Literal["waiting", "queued", "done", "refused", "failed", "withheld"]
RELAY = "relay"
"""The actor of what the relay reports: no person and no model does it."""


class ActionRecord(msgspec.Struct, frozen=True, gc=False):
    """An action and how far it has come.

    Attributes:
        reference: the system of record's own reference, once it is done.
        failure: why it could not be done.
        settled_at: when it was done, failed or refused.
    """

    action: Action
    status: Status
    reference: str | None
    failure: str | None
    settled_at: Micros | None


class Settled(msgspec.Struct, frozen=True, gc=False):
    """What the system of record said of an action: its reference, or why it refused for good."""

    action: ActionId
    words: str
    failed: bool = False


class Actions(StorePart):
    """Follow actions from their decision to the system of record."""

    def action(self, id_: ActionId) -> Action:
        """One action by its id. Raises UnknownDecision if there is none."""
        with self._database.read() as connection:
            return _record(_find(connection, id_)).action

    def waiting_actions(self, workflow: str | None = None) -> list[Action]:
        """The actions that wait for a person, oldest first."""
        query = select(action).where(action.c.status == _WAITING)
        if workflow is not None:
            query = query.where(action.c.workflow == workflow)
        return [record.action for record in self._records(query)]

    def actions_of(self, decision: DecisionId) -> list[ActionRecord]:
        """What followed from a decision, and how far each has come."""
        return self._records(select(action).where(action.c.decision == decision))

    def verdict(self, id_: ActionId) -> Verdict | None:
        """What a person said of an action, None as long as nobody has."""
        with self._database.read() as connection:
            found = connection.execute(select(verdict).where(verdict.c.action == id_))
            row = found.mappings().one_or_none()
        return Verdict(**row) if row else None

    def give_verdict(self, given: Verdict, writer: str) -> None:
        """Keep what a person said; if they agreed, the action goes out.

        Raises:
            NotAllowed: the action does not wait: it never did, or somebody was faster.
        """
        with self._database.write() as connection:
            record = _record(_find(connection, given.action, lock=True))
            if record.status != "waiting":
                raise NotAllowed(
                    f"action {given.action} ({record.action.kind}) is {record.status} and waits "
                    "for nobody: look up who has decided"
                )
            insert_rows(connection, verdict, [msgspec.structs.asdict(given)])
            self._apply(connection, given, record.action)
            append(connection, self._audit_key, writer, [verdict_entry(given)])

    def action_done(self, id_: ActionId, reference: str, writer: str, at: Micros) -> None:
        """The system of record has done it; telling it again changes nothing."""
        self.settle_actions([Settled(id_, reference)], writer, at)

    def action_failed(self, id_: ActionId, failure: str, writer: str, at: Micros) -> None:
        """The system of record refused for good; it may still be reported as done later."""
        self.settle_actions([Settled(id_, failure, failed=True)], writer, at)

    def settle_actions(self, told: Sequence[Settled], writer: str, at: Micros) -> None:
        """Write down what the system of record said of several actions, in one transaction."""
        with self._database.write() as connection:
            entries = [_settle(connection, one, at) for one in told]
            fresh = [entry for entry in entries if entry is not None]
            append(connection, self._audit_key, writer, fresh)

    def _records(self, query: Select[Any]) -> list[ActionRecord]:
        ordered = query.order_by(action.c.asked_at, action.c.id)
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(ordered).mappings()]

    def _apply(self, connection: Connection, given: Verdict, about: Action) -> None:
        if given.agreed:
            _update(connection, about.id, status="queued")
            insert_rows(connection, outbox, [message(about)])
        else:
            _update(connection, about.id, status="refused", settled_at=given.at)


def _settle(connection: Connection, told: Settled, at: Micros) -> AuditEntry | None:
    before = _record(_find(connection, told.action, lock=True)).status
    if before == "done":
        return None
    if before not in ("queued", "failed"):
        raise NotAllowed(f"action {told.action} is {before}: it must not be acted on")
    said = {"failure" if told.failed else "reference": told.words}
    status = "failed" if told.failed else "done"
    _update(connection, told.action, status=status, settled_at=at, **said)
    verb = "failed to do" if told.failed else "did"
    return AuditEntry(at, RELAY, verb, told.action, digest(said))


def verdict_entry(given: Verdict) -> AuditEntry:
    """How a verdict stands in the audit log."""
    verb = "agreed" if given.agreed else "refused"
    return AuditEntry(given.at, given.person, verb, given.action, digest(given))


def _find(connection: Connection, id_: ActionId, lock: bool = False) -> Any:
    query = select(action).where(action.c.id == id_)
    query = query.with_for_update() if lock else query
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownDecision(f"no action has the id {id_!r}; check it for a typing error")
    return row


def _update(connection: Connection, id_: ActionId, **values: Any) -> None:
    connection.execute(action.update().where(action.c.id == id_).values(**values))


def _record(row: Any) -> ActionRecord:
    return ActionRecord(
        read_action(row),
        row["status"],
        row["reference"],
        row["failure"],
        row["settled_at"],
    )
