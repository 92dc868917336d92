"""The alarms on versions in words: what happened, whether it matters, who should do what."""

from __future__ import annotations

from firm.alerts import Alert, alert
from firm.standing import Alias
from firm.workflow import Workflow
from headway.clock import now

REFUSED, NOT_APPROVED, CUT_OFF = "version-refused", "move-not-approved", "record-cut-off"
ALIAS_MOVED, CANARY_ENDED = "alias-moved", "canary-ended"
LONGEST_WORDS = 500
"""What a library says of a broken file may be long."""


def at_work(alias: Alias, worker: str) -> str:
    """What an alarm on a version that a process cannot load is about."""
    return f"{alias} in {worker}"


def refused(workflow: Workflow, version: str, about: str, why: str) -> Alert:
    """A version that was approved does not load, or does not match its declared features."""
    return alert(
        workflow,
        version,
        REFUSED,
        now(),
        about=about,
        says=f"{about}: {why}"[:LONGEST_WORDS],
        matters=(
            "It does: what two people approved does not decide. What decided before goes on, or "
            "the declared rule where nothing did."
        ),
        todo=(
            "Whoever runs the service restores the file as it was registered; it is tried again "
            "by itself. Else the reviewer rolls back, or the data scientist trains anew."
        ),
    )


def not_approved(workflow: Workflow, seq: int, why: str) -> Alert:
    """An entry of the record that does not count."""
    return alert(
        workflow,
        "",
        NOT_APPROVED,
        now(),
        about=f"entry {seq}",
        says=why,
        matters="It does: somebody writes to the database past the approvals. It decides nothing.",
        todo="The auditor runs `headway audit verify` and finds out who has written it.",
    )


def cut_off(workflow: Workflow, head: int, before: int) -> Alert:
    """The record is shorter than it was."""
    return alert(
        workflow,
        "",
        CUT_OFF,
        now(),
        about=f"entry {before}",
        says=(
            f"The record of promotions of {workflow.slug} ends at entry {head}, entry {before} was "
            "there before: it was cut off; what was live stays live."
        ),
        matters="It does: a process that starts now serves an older version.",
        todo=(
            "The auditor runs `headway audit verify`; whoever runs the service restores the "
            "database before any process is started again."
        ),
    )


def alias_moved(workflow: Workflow, words: str) -> Alert:
    """An alias in MLflow points elsewhere than the record says."""
    return alert(
        workflow,
        "",
        ALIAS_MOVED,
        now(),
        says=words,
        matters="It does not for what is scored: nothing reads these aliases. Who looks is misled.",
        todo="Whoever moved it points it back, or proposes the version (`headway promote`).",
    )


def canary_ended(workflow: Workflow, version: str, why: str) -> Alert:
    """A canary broke a declared limit."""
    return alert(
        workflow,
        version,
        CANARY_ENDED,
        now(),
        says=why,
        matters="It does for this version: the champion decides on all subjects again.",
        todo="The data scientist finds out why before the version is proposed again.",
    )
