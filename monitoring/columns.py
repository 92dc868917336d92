"""The decisions of a version as they come: 42 bytes each, and their ids."""

from __future__ import annotations

from array import array

import numpy as np

from firm.decision import Decision
from firm.holdout import is_held_out
from firm.ids import DecisionId
from firm.store import Told
from firm.workflow import Workflow
from monitoring.cases import NEVER, Cases

Group = tuple[str | None, ...]
"""To which group a decision belongs by each of `Workflow.told_by`; empty where nobody said so."""


class CaseColumns:
    """Grows by decisions; an outcome finds its decision by the id."""

    def __init__(self) -> None:
        self.ids: list[DecisionId] = []
        self.groups: list[Group] = []
        self._same: dict[Group, Group] = {}
        self.as_of = array("q")
        self.score, self.outcome = array("d"), array("d")
        self.known_at = array("q")
        self._treated, self._held = bytearray(), bytearray()
        self._places: dict[DecisionId, int] = {}

    def add(self, one: Decision, workflow: Workflow, group: Group = ()) -> int:
        """Take a decision in; returns its place."""
        place = self._places[one.id] = len(self.ids)
        self.ids.append(one.id)
        self.groups.append(self._same.setdefault(group, group))
        self.as_of.append(one.as_of)
        self.score.append(one.probability)
        self.outcome.append(np.nan)
        self.known_at.append(NEVER)
        self._treated.append(0)
        self._held.append(is_held_out(workflow, one.subject))
        return place

    def tell(self, one: Told) -> bool:
        """Take over an outcome, or take it back; False if the decision is none of ours."""
        place = self._places.get(one.decision)
        if place is None:
            return False
        self.outcome[place] = np.nan if one.value is None else one.value
        self.known_at[place] = NEVER if one.value is None else one.known_at
        return True

    def act(self, decision: DecisionId) -> None:
        """Something was done because of a decision, if it is ours."""
        if (place := self._places.get(decision)) is not None:
            self._treated[place] = 1

    def cases(self, first: int = 0, last: int | None = None) -> Cases:
        """The decisions from a place to before another, as they stand now."""
        part = slice(first, last)
        return Cases(
            as_of=np.array(self.as_of[part], dtype=np.int64),
            score=np.array(self.score[part], dtype=np.float64),
            outcome=np.array(self.outcome[part], dtype=np.float64),
            known_at=np.array(self.known_at[part], dtype=np.int64),
            treated=np.frombuffer(bytes(self._treated[part]), dtype=np.bool_),
            held=np.frombuffer(bytes(self._held[part]), dtype=np.bool_),
        )
