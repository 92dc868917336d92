"""What is kept at one moment, to see whether anything changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from firm.audit import digest
from firm.ids import DecisionId, SubjectId
from firm.store import SqlStore
from firm.workflow import Row, Workflow

K = TypeVar("K", bound=str)


@dataclass(frozen=True)
class Memory:
    """The digest of every decision by id, and the features of every subject as of the log's end."""

    decisions: dict[DecisionId, str]
    features: dict[SubjectId, Row]

    @classmethod
    def of(cls, store: SqlStore, workflow: Workflow) -> Memory:
        """What the store holds of a workflow now."""
        states = store.states(workflow)
        rows = {
            subject: workflow.row(states.known(workflow, subject, states.watermark))
            for subject in states.subjects
        }
        decisions = {d.id: digest(d) for d in store.decisions(workflow.slug)}
        return cls(decisions, rows)

    def changes(self, later: Memory) -> tuple[int, int]:
        """How many decisions, and features of how many subjects, are not what they were."""
        return _differing(self.decisions, later.decisions), _differing(
            self.features, later.features
        )


def _differing(before: Mapping[K, object], after: Mapping[K, object]) -> int:
    return sum(before.get(key) != after.get(key) for key in before.keys() | after.keys())
