"""Typed ids. Ids that Headway makes are derived from what they name, so a repeat makes the same."""

from __future__ import annotations

from typing import NewType
from uuid import UUID, uuid5

EventId = NewType("EventId", str)
SubjectId = NewType("SubjectId", str)
DecisionId = NewType("DecisionId", str)
ActionId = NewType("ActionId", str)

_NAMESPACE = UUID("6d1c6f0e-7a4b-5c0e-9a7e-0b5d3f1c2a94")


def derived(*parts: str) -> str:
    """A UUID (version 5) that depends on the parts alone: the same parts, the same id."""
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))


def decision_id(workflow: str, cause: str) -> DecisionId:
    """The id of the one decision that a workflow takes for a cause (an event or a request)."""
    return DecisionId(derived("decision", workflow, cause))


def action_id(decision: DecisionId, kind: str) -> ActionId:
    """The id of an action; systems of record take it as their idempotency key."""
    return ActionId(derived("action", decision, kind))
