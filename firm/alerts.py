"""Alerts of monitoring: what was found, whether it matters, and who should do what."""

from __future__ import annotations

import hashlib
from typing import Literal, NewType

import msgspec

from firm.errors import NotAllowed
from firm.time import Micros
from firm.workflow import Workflow

AlertId = NewType("AlertId", str)
AlertStatus = Literal["open", "acknowledged", "resolved"]
Evidence = dict[str, float | str | list[str] | None]


class Alert(msgspec.Struct, frozen=True, gc=False):
    """Something that a person should look at.

    Attributes:
        version: of the model; empty where it concerns the workflow whatever the model.
        kind: what kind of finding it is; docs/monitoring.md says what to do on each.
        about: what it is about, a feature or a day, say; empty where the kind says it all.
        says: what was found, in words.
        matters: whether and why it matters.
        todo: what to do next.
        at: when it showed, in the time of the events, microseconds since 1970.
        evidence: the figures that it rests on.
    """

    id: AlertId
    workflow: str
    version: str
    kind: str
    about: str
    says: str
    matters: str
    todo: str
    owner: str
    at: Micros
    evidence: Evidence = {}


class Handling(msgspec.Struct, frozen=True, gc=False):
    """What a person said of an alert."""

    alert: AlertId
    status: AlertStatus
    person: str
    note: str
    at: Micros


def alert_id(workflow: str, version: str, kind: str, about: str, at: Micros) -> AlertId:
    """The same finding has the same id, however often it is made."""
    text = "|".join((workflow, version, kind, about, str(at)))
    return AlertId(hashlib.sha256(text.encode()).hexdigest()[:16])


def alert(
    workflow: Workflow,
    version: str,
    kind: str,
    at: Micros,
    *,
    says: str,
    matters: str,
    todo: str,
    about: str = "",
    evidence: Evidence | None = None,
) -> Alert:
    """An alert to the workflow's owner."""
    return Alert(
        id=alert_id(workflow.slug, version, kind, about, at),
        workflow=workflow.slug,
        version=version,
        kind=kind,
        about=about,
        says=says,
        matters=matters,
        todo=todo,
        owner=workflow.owner,
        at=at,
        evidence=evidence or {},
    )


def handle(
    alert: Alert, before: AlertStatus, to: AlertStatus, person: str, note: str, at: Micros
) -> Handling:
    """A person takes an alert up, or says that it is dealt with.

    Raises:
        NotAllowed: it is resolved already, nobody is named, or a resolution gives no reason.
    """
    if before == "resolved":
        raise NotAllowed(f"alert {alert.id} ({alert.kind}) is resolved already")
    if not person.strip():
        raise NotAllowed(f"alert {alert.id}: say who you are")
    if to == "resolved" and not note.strip():
        raise NotAllowed(f"alert {alert.id}: say in a few words what came of it")
    return Handling(alert.id, to, person.strip(), note.strip(), at)
