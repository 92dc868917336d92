"""From what the firm decides to the columns in which it is kept."""

from __future__ import annotations

from typing import Any

import msgspec

from firm.decision import Action, Decision, Judged, as_json
from firm.react import Received
from firm.states import GroupState, SubjectState, encode_state
from firm.time import Micros

Row = dict[str, Any]


def decision_row(decision: Decision) -> Row:
    """The whole decision as its body, and beside it the columns to search by."""
    return {
        "id": decision.id,
        "workflow": decision.workflow,
        "subject": decision.subject,
        "cause": decision.cause,
        "origin": decision.origin,
        "as_of": decision.as_of,
        "probability": decision.probability,
        "band": decision.band,
        "late": decision.late,
        "model_version": decision.model_version,
        "decided_at": decision.decided_at,
        "body": as_json(decision),
    }


def read_decision(body: bytes) -> Decision:
    """The decision back from its body."""
    return msgspec.json.decode(body, type=Decision)


def action_row(action: Action) -> Row:
    """An action as it starts."""
    return {**msgspec.structs.asdict(action), "status": action_status(action)}


def read_action(row: Any) -> Action:
    """The action back from its row."""
    return Action(**{field: row[field] for field in Action.__struct_fields__})


def action_status(action: Action) -> str:
    """How an action starts: withheld, waiting for a person, or queued at once."""
    if action.withheld:
        return "withheld"
    return "waiting" if action.approval else "queued"


def goes_out(action: Action) -> bool:
    """Whether an action goes out at once: nobody has to agree to it, and it is not withheld."""
    return action.approval is None and action.withheld is None


def message(about: Decision | Action) -> Row:
    """That the world is to be told of a decision, or asked to do something; the key is the subject,
    so that its messages keep order."""
    kind = "decision" if isinstance(about, Decision) else "action"
    return {"kind": kind, "key": about.subject, "about": about.id}


def inbox_row(workflow: str, received: Received) -> Row:
    """What became of an arrival."""
    event, position = received.arrival.event, received.arrival.position
    return {
        "workflow": workflow,
        "event_id": event.id,
        "fate": received.fate,
        "partition": position.partition,
        "offset": position.offset,
        "occurred_at": event.occurred_at,
    }


def subject_row(workflow: str, state: SubjectState) -> Row:
    """A subject's state, and the last record of the log in it."""
    position = state.position
    return {
        "workflow": workflow,
        "subject": state.subject,
        "partition": position.partition if position else None,
        "offset": position.offset if position else None,
        "event_time": state.event_time,
        "blob": encode_state(state),
    }


def group_row(workflow: str, state: GroupState) -> Row:
    """A group's state."""
    return {"workflow": workflow, "group_id": state.group, "blob": encode_state(state)}


def outcome_row(judged: Judged, recorded_at: Micros) -> Row:
    """An outcome as it is first known, and when it was written down."""
    return {
        "decision": judged.decision,
        "workflow": judged.workflow,
        "event_id": judged.event,
        "value": judged.value,
        "known_at": judged.known_at,
        "revision": 0,
        "recorded_at": recorded_at,
    }
