"""Webhooks and the log of what was delivered to them, or is still to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, select

from firm.audit import AuditEntry, digest
from firm.decision import as_json
from firm.errors import NotAllowed
from firm.store.bulk import insert_rows, keep
from firm.store.chains import append
from firm.store.outbox import OutboxRow, note_sent
from firm.store.parts import StorePart
from firm.store.pending import in_order
from firm.store.tables import webhook, webhook_delivery
from firm.time import Micros
from firm.webhooks import (
    Delivery,
    DeliveryStatus,
    Subscription,
    UnknownWebhook,
    Webhook,
    delivery_id,
    seal_of,
)

REMOVED = "its subscriber was removed"


class Tried(msgspec.Struct, frozen=True):
    """What came of a try.

    Attributes:
        answer: of the receiver, in words.
        status: what the delivery is now; `due_at` says when a pending one is tried again.
    """

    delivery: Delivery
    answer: str
    status: DeliveryStatus
    due_at: Micros


class _Told(msgspec.Struct):
    """All that is read of a decision's JSON here."""

    id: str
    workflow: str
    band: str


class Webhooks(StorePart):
    """Register subscribers, queue what they are told, and note what came of it."""

    def add_webhook(self, made: Webhook, writer: str) -> None:
        """Register a subscriber, told of what is decided from now on.

        Raises:
            NotAllowed: another one has this name.
        """
        row = _row(made, seal_of(self._audit_key, made))
        with self._database.write() as connection:
            if any(one.webhook.name == made.name for one in _subscriptions(connection)):
                raise NotAllowed(f"a webhook named {made.name!r} is there: take another name")
            insert_rows(connection, webhook, [row])
            entry = AuditEntry(made.made_at, made.made_by, "made webhook", made.id, digest(made))
            append(connection, self._audit_key, writer, [entry])

    def remove_webhook(self, name: str, by: str, writer: str, at: Micros) -> None:
        """Tell it nothing more; what was pending is given up. Raises UnknownWebhook."""
        with self._database.write() as connection:
            found = _named(connection, name).webhook
            gone = webhook.update().where(webhook.c.id == found.id).values(removed_at=at)
            connection.execute(gone)
            _give_up(connection, webhook_delivery.c.webhook == found.id, REMOVED, at)
            entry = AuditEntry(at, by, "removed webhook", found.id, digest(found))
            append(connection, self._audit_key, writer, [entry])

    def subscriptions(self) -> list[Subscription]:
        """All subscribers that are told, oldest first."""
        with self._database.read() as connection:
            return _subscriptions(connection)

    def subscription(self, name: str) -> Subscription:
        """The subscriber of this name; raises UnknownWebhook."""
        with self._database.read() as connection:
            return _named(connection, name)

    def published(self, rows: Sequence[OutboxRow], events: Sequence[bytes], at: Micros) -> None:
        """Note that decisions went out as these events, and queue them for who wants them: both or
        neither, so that nobody misses one."""
        with self._database.write() as connection:
            wanting = _subscriptions(connection)
            deliveries = (
                [
                    _delivery(one.webhook, told, row, event, at)
                    for row, event in zip(rows, events, strict=True)
                    for told in [msgspec.json.decode(row.payload, type=_Told)]
                    for one in wanting
                    if one.webhook.wants(told.workflow, told.band)
                ]
                if wanting
                else []
            )
            insert_rows(connection, webhook_delivery, deliveries, keep)
            note_sent(connection, [row.seq for row in rows], at)

    def claim_deliveries(self, id_: str, limit: int, at: Micros, until: Micros) -> list[Delivery]:
        """What a subscriber is to be sent now, in order; nobody else gets it before `until`.

        A message waits while an earlier one on the same subject does.
        """
        pending = in_order(
            webhook_delivery, lambda t: (t.c.webhook == id_, t.c.status == "pending"), at
        )
        query = pending.limit(limit).with_for_update(skip_locked=True)
        with self._database.write() as connection:
            found = [_read(row) for row in connection.execute(query).mappings()]
            if found:
                seqs = [one.seq for one in found]
                claimed = webhook_delivery.update().where(webhook_delivery.c.seq.in_(seqs))
                connection.execute(claimed.values(due_at=until))
        return found

    def release_deliveries(self, seqs: Sequence[int], at: Micros) -> None:
        """Give back what was claimed and not tried."""
        ours = webhook_delivery.c.seq.in_(seqs)
        with self._database.write() as connection:
            connection.execute(webhook_delivery.update().where(ours).values(due_at=at))

    def give_up_deliveries(
        self, id_: str, before: Micros, limit: int, answer: str, at: Micros
    ) -> list[Delivery]:
        """Give up those of the first messages pending for a subscriber that were queued before an
        instant; returns them, `limit` at most."""
        mine = (webhook_delivery.c.webhook == id_, webhook_delivery.c.status == "pending")
        first = select(webhook_delivery).where(*mine).order_by(webhook_delivery.c.seq).limit(limit)
        with self._database.write() as connection:
            rows = connection.execute(first.with_for_update(skip_locked=True)).mappings()
            old = [one for one in map(_read, rows) if one.made_at < before]
            _give_up(connection, webhook_delivery.c.seq.in_([one.seq for one in old]), answer, at)
        return old

    def give_up_beyond(
        self, id_: str, most: int, limit: int, answer: str, at: Micros
    ) -> list[Delivery]:
        """Give up the first messages pending for a subscriber where there are more than `most`;
        returns them, `limit` at most."""
        mine = (webhook_delivery.c.webhook == id_, webhook_delivery.c.status == "pending")
        seq = webhook_delivery.c.seq
        last = select(seq).where(*mine).order_by(seq.desc()).offset(most).limit(1)
        first = select(webhook_delivery).where(*mine).order_by(seq).limit(limit)
        with self._database.write() as connection:
            beyond = first.where(seq <= last.scalar_subquery()).with_for_update(skip_locked=True)
            gone = [_read(row) for row in connection.execute(beyond).mappings()]
            _give_up(connection, seq.in_([one.seq for one in gone]), answer, at)
        return gone

    def note_try(self, tried: Tried, failures: int, paused_until: Micros, at: Micros) -> None:
        """Write down what came of a try, and how its receiver fares now."""
        one = tried.delivery
        said = {
            "status": tried.status,
            "tries": one.tries + 1,
            "answer": tried.answer,
            "due_at": tried.due_at,
            "settled_at": None if tried.status == "pending" else at,
        }
        ours = webhook_delivery.update().where(webhook_delivery.c.seq == one.seq)
        fares = webhook.update().where(webhook.c.id == one.webhook)
        with self._database.write() as connection:
            connection.execute(ours.values(said))
            connection.execute(fares.values(failures=failures, paused_until=paused_until))

    def deliveries(
        self, webhook_id: str, status: DeliveryStatus | None = None, limit: int = 100
    ) -> list[Delivery]:
        """The newest messages to a subscriber, newest first."""
        query = select(webhook_delivery).where(webhook_delivery.c.webhook == webhook_id)
        if status is not None:
            query = query.where(webhook_delivery.c.status == status)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(webhook_delivery.c.seq.desc()).limit(limit))
            return [_read(row) for row in rows.mappings()]

    def redeliver(self, webhook_id: str, id_: str | None, by: str, writer: str, at: Micros) -> int:
        """Queue a message again, or all that are dead, and leave the receiver alone no longer;
        returns how many."""
        dead = webhook_delivery.c.status == "dead"
        which = dead if id_ is None else webhook_delivery.c.id == id_
        again = webhook_delivery.update().where(webhook_delivery.c.webhook == webhook_id, which)
        awake = webhook.update().where(webhook.c.id == webhook_id)
        with self._database.write() as connection:
            found = connection.execute(
                again.values(status="pending", tries=0, made_at=at, due_at=at, settled_at=None)
            ).rowcount
            connection.execute(awake.values(failures=0, paused_until=0))
            about = id_ or webhook_id
            append(
                connection,
                self._audit_key,
                writer,
                [AuditEntry(at, by, "redelivered", about, digest(found))],
            )
        return found

    def count_deliveries(self) -> dict[tuple[str, str], int]:
        """How many messages each subscriber has pending and dead, by its name."""
        query = (
            select(webhook.c.name, webhook_delivery.c.status, func.count())
            .join_from(webhook_delivery, webhook, webhook.c.id == webhook_delivery.c.webhook)
            .where(webhook.c.removed_at.is_(None), webhook_delivery.c.status != "delivered")
            .group_by(webhook.c.name, webhook_delivery.c.status)
        )
        with self._database.read() as connection:
            return {(name, status): n for name, status, n in connection.execute(query)}

    def forget_deliveries(self, before: Micros, limit: int) -> int:
        """Remove some messages that were settled before an instant; returns how many."""
        settled = webhook_delivery.c.settled_at
        old = select(webhook_delivery.c.seq).where(settled < before).limit(limit)
        gone = webhook_delivery.delete().where(webhook_delivery.c.seq.in_(old))
        with self._database.write() as connection:
            return connection.execute(gone).rowcount


def _give_up(connection: Connection, which: ColumnElement[bool], answer: str, at: Micros) -> None:
    pending = webhook_delivery.update().where(which, webhook_delivery.c.status == "pending")
    connection.execute(pending.values(status="dead", answer=answer, settled_at=at))


def _subscriptions(connection: Connection) -> list[Subscription]:
    query: Select[Any] = select(webhook).where(webhook.c.removed_at.is_(None))
    rows = connection.execute(query.order_by(webhook.c.made_at, webhook.c.id)).mappings()
    return [_subscription(row) for row in rows]


def _named(connection: Connection, name: str) -> Subscription:
    found = {one.webhook.name: one for one in _subscriptions(connection)}
    if name not in found:
        raise UnknownWebhook(f"no webhook is named {name!r}; there are {sorted(found)}")
    return found[name]


def _subscription(row: Any) -> Subscription:
    said = {field: row[field] for field in Webhook.__struct_fields__}
    for field in ("workflows", "bands"):
        said[field] = msgspec.json.decode(row[field], type=tuple[str, ...])
    return Subscription(Webhook(**said), row["seal"], row["failures"], row["paused_until"])


def _row(made: Webhook, seal: str) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(made),
        "workflows": as_json(made.workflows),
        "bands": as_json(made.bands),
        "seal": seal,
        "failures": 0,
        "paused_until": 0,
    }


def _delivery(to: Webhook, told: _Told, row: OutboxRow, event: bytes, at: Micros) -> dict[str, Any]:
    return {
        "id": delivery_id(to.id, told.id),
        "webhook": to.id,
        "decision": told.id,
        "key": row.key,
        "body": event,
        "status": "pending",
        "tries": 0,
        "made_at": at,
        "due_at": at,
    }


def _read(row: Any) -> Delivery:
    return Delivery(**{field: row[field] for field in Delivery.__struct_fields__})
