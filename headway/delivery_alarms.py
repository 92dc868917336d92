"""What somebody has to look at because a subscriber is not told: as alerts, open until handled."""

from __future__ import annotations

import msgspec

from firm.alerts import Alert, alert_id
from firm.store import Tried
from firm.time import Micros
from firm.webhooks import OPENS_AFTER, Delivery, Webhook


class _Data(msgspec.Struct):
    workflow: str


class _Event(msgspec.Struct):
    """All that is read of a message's CloudEvent here."""

    data: _Data


def given_up(webhook: Webhook, tried: Tried, at: Micros) -> Alert:
    """A message is dead: nobody sends it again by itself."""
    says = f"webhook {webhook.name!r}: gave up message {tried.delivery.id} ({tried.answer})"
    todo = f"have the receiver mended, then `headway webhooks redeliver {webhook.name}`"
    return _alert("webhook-dead", webhook, workflow_of(tried.delivery), at, says, todo)


def left_alone(webhook: Webhook, tried: Tried, at: Micros) -> Alert:
    """A receiver has failed again and again."""
    says = (
        f"webhook {webhook.name!r}: its receiver has failed {OPENS_AFTER} times in a row "
        f"({tried.answer}); it is tried now and then until it answers"
    )
    todo = f"ask who runs {webhook.url}; `headway webhooks list` says how it fares"
    return _alert("webhook-away", webhook, workflow_of(tried.delivery), at, says, todo)


def waited_too_long(webhook: Webhook, workflow: str, number: int, days: float, at: Micros) -> Alert:
    """So many messages of a workflow are dead, for they have waited longer than is declared."""
    says = (
        f"webhook {webhook.name!r}: gave up {number:,} messages that had waited for {days:g} days "
        "(HEADWAY_WEBHOOK_DAYS)"
    )
    todo = (
        f"ask who runs {webhook.url}; then `headway webhooks redeliver {webhook.name}`, or "
        f"`headway webhooks remove {webhook.name}` if nobody wants them"
    )
    return _alert("webhook-backlog", webhook, workflow, at, says, todo)


def too_many_waited(webhook: Webhook, workflow: str, number: int, most: int, at: Micros) -> Alert:
    """So many messages of a workflow are dead, for more waited than is declared."""
    says = (
        f"webhook {webhook.name!r}: gave up the oldest {number:,} messages, as more than {most:,} "
        "waited (HEADWAY_WEBHOOK_MESSAGES)"
    )
    todo = (
        f"ask who runs {webhook.url} why it takes in less than is decided; narrow what it is told "
        "(`headway webhooks remove`, then `add` with --workflow and --band); `headway webhooks "
        f"redeliver {webhook.name}` once it keeps up"
    )
    return _alert("webhook-overflow", webhook, workflow, at, says, todo)


def workflow_of(delivery: Delivery) -> str:
    """The workflow whose decision a message tells."""
    return msgspec.json.decode(delivery.body, type=_Event).data.workflow


def _alert(kind: str, webhook: Webhook, workflow: str, at: Micros, says: str, todo: str) -> Alert:
    return Alert(
        id=alert_id(workflow, "", kind, webhook.name, at),
        workflow=workflow,
        version="",
        kind=kind,
        about=webhook.name,
        says=says,
        matters="a system that waits for decisions is not told of them",
        todo=todo,
        owner=webhook.made_by,
        at=at,
    )
