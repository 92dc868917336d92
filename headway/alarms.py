"""What a person has to look at: in the log of the process, and as an alert to the owner."""

from __future__ import annotations

import structlog

from firm.alerts import Alert, handle
from firm.errors import HeadwayError
from firm.store import SqlStore
from firm.workflow import Workflow
from headway.clock import now

log = structlog.get_logger(__name__)


def raise_alarm(store: SqlStore, actor: str, alarm: Alert) -> None:
    """Say it loudly; the log has it also where the database does not answer."""
    log.error("alarm", actor=actor, kind=alarm.kind, workflow=alarm.workflow, words=alarm.says)
    try:
        store.raise_alerts([alarm], now())
    except HeadwayError as error:
        log.error("the alarm could not be kept", why=str(error))


def settle_alarms(
    store: SqlStore, actor: str, workflow: Workflow, kind: str, about: str, note: str
) -> None:
    """What was raised has passed by itself: resolve it, with a note that says so.

    Raises StoreUnavailable while the database does not answer.
    """
    for record in store.alerts(workflow.slug):
        found = record.alert
        if (found.kind, found.about) == (kind, about):
            store.handle_alert(handle(found, record.status, "resolved", actor, note, now()), actor)
            log.info("alarm settled", actor=actor, kind=kind, workflow=workflow.slug, note=note)
