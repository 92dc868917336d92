"""What somebody has to look at because a subscriber is not told: as alerts, open until handled."""

from __future__ import annotations

import msgspec

from firm.alerts import Alert, alert_id
from firm.store import Tried
from firm.time import Micros
from firm.webhooks import OPENS_AFTER, Webhook


class _Data(msgspec.Struct):
    workflow: str


class _Event(msgspec.Struct):
    """All that is read of a message's CloudEvent here."""

    data: _Data


def given_up(webhook: Webhook, tried: Tried, at: Micros) -> Alert:
    """A message is dead: nobody sends it again by itself."""
    says = f"webhook {webhook.name!r}: gave up message {tried.delivery.id} ({tried.answer})"
    todo = f"have the receiver mended, then `headway webhooks redeliver {webhook.name}`"
    return _alert("webhook-dead", webhook, tried, at, says, todo)


def left_alone(webhook: Webhook, tried: Tried, at: Micros) -> Alert:
    """A receiver has failed again and again."""
    says = (
        f"webhook {webhook.name!r}: its receiver has failed {OPENS_AFTER} times in a row "
        f"({tried.answer}); it is tried now and then until it answers"
    )
    todo = f"ask who runs {webhook.url}; `headway webhooks list` says how it fares"
    return _alert("webhook-away", webhook, tried, at, says, todo)


def _alert(kind: str, webhook: Webhook, tried: Tried, at: Micros, says: str, todo: str) -> Alert:
    workflow = msgspec.json.decode(tried.delivery.body, type=_Event).data.workflow
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
