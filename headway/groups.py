"""To which declared groups a decision belongs, and what hangs on it, as of when it was taken."""

from __future__ import annotations

from collections.abc import Sequence

from firm.decision import Decision
from firm.history import Entry, newest_number
from firm.states import States
from firm.workflow import Workflow, newest_text


class Groups:
    """Reads them in the subjects' histories, or among the features that the decision kept."""

    def __init__(self, workflow: Workflow, states: States) -> None:
        self._workflow, self._states = workflow, states

    def of(self, decision: Decision) -> list[str | None]:
        """The group by each of `Workflow.told_by`; None where it belongs to none."""
        entries = self._entries(decision)
        return [_text(entries, decision, name) for name in self._workflow.told_by]

    def at_stake(self, decision: Decision) -> tuple[float | None, float | None]:
        """The money and the days that hang on it; None where nobody said so."""
        declared = self._workflow.watch.at_stake
        if declared is None:
            return None, None
        entries = self._entries(decision)
        money, days = (
            None if name is None else _number(entries, decision, name)
            for name in (declared.money, declared.days)
        )
        return money, days

    def _entries(self, decision: Decision) -> Sequence[Entry]:
        state = self._states.subjects.get(decision.subject)
        return state.history.until(decision.as_of) if state else ()


def _text(entries: Sequence[Entry], decision: Decision, name: str) -> str | None:
    found = newest_text(entries, name)
    if found is None and (value := decision.features.get(name)) is not None:
        return f"{value:g}"
    return found


def _number(entries: Sequence[Entry], decision: Decision, name: str) -> float | None:
    found = newest_number(entries, name)
    return decision.features.get(name) if found is None else found
