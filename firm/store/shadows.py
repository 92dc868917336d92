"""What a challenger would have said, and how a canary fares: apart from what was decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import case, func, select

from firm.decision import Decision
from firm.ids import DecisionId
from firm.store.bulk import insert_rows, keep, replace
from firm.store.parts import StorePart
from firm.store.rows import read_decision
from firm.store.tables import canary_tally, decision, outcome, shadow_score
from firm.time import Micros


class ShadowScore(msgspec.Struct, frozen=True, gc=False):
    """What a challenger would have said instead of a decision, and when that was taken."""

    decision: DecisionId
    version: str
    workflow: str
    probability: float
    decided_at: Micros


class Shadowed(msgspec.Struct, frozen=True, gc=False):
    """A decision beside what a challenger would have said; None while the outcome is not known."""

    decision: Decision
    probability: float
    outcome: float | None


class CanaryTally(msgspec.Struct, frozen=True):
    """How often a process has asked a canary, and how often it failed or was slow."""

    worker: str
    workflow: str
    version: str
    asked: int
    failed: int
    slow: int


class Shadows(StorePart):
    """Written behind what decides, by processes that nothing waits for."""

    def note_shadows(self, scores: Sequence[ShadowScore]) -> None:
        """Keep what a challenger would have said; what is kept already stays."""
        rows = [msgspec.structs.asdict(one) for one in scores]
        with self._database.write() as connection:
            insert_rows(connection, shadow_score, rows, keep)

    def shadow_place(self, workflow: str, version: str) -> Micros | None:
        """When the newest decision was taken that a challenger has scored."""
        this = (shadow_score.c.workflow == workflow) & (shadow_score.c.version == version)
        newest = select(func.max(shadow_score.c.decided_at)).where(this)
        with self._database.read() as connection:
            found: Micros | None = connection.execute(newest).scalar_one()
        return found

    def shadowed(self, workflow: str, version: str) -> Iterator[Shadowed]:
        """Every decision that a challenger has scored too, in the order in which it was taken."""
        query = (
            select(decision.c.body, shadow_score.c.probability, outcome.c.value)
            .join_from(shadow_score, decision, decision.c.id == shadow_score.c.decision)
            .join(outcome, outcome.c.decision == decision.c.id, isouter=True)
            .where(shadow_score.c.workflow == workflow, shadow_score.c.version == version)
            .order_by(shadow_score.c.decided_at, decision.c.id)
        )
        with self._database.read() as connection:
            for row in connection.execute(query):
                yield Shadowed(read_decision(row.body), row.probability, row.value)

    def note_tallies(self, tallies: Sequence[CanaryTally]) -> None:
        """Write down how the canaries of a process fare, since it began."""
        rows = [msgspec.structs.asdict(one) for one in tallies]
        with self._database.write() as connection:
            insert_rows(connection, canary_tally, rows, replace)

    def tallies_of(self, workflow: str, version: str) -> list[CanaryTally]:
        """How a canary fares in each process."""
        this = (canary_tally.c.workflow == workflow) & (canary_tally.c.version == version)
        with self._database.read() as connection:
            found = connection.execute(select(canary_tally).where(this)).mappings()
            return [CanaryTally(**row) for row in found]

    def alarm_counts(
        self, workflow: str, since: Micros, alarm_at: float
    ) -> dict[str, tuple[int, int]]:
        """By version, how many decisions were taken from an instant on, and how many are alarms."""
        alarms = func.sum(case((decision.c.probability >= alarm_at, 1), else_=0))
        query = (
            select(decision.c.model_version, func.count(), alarms)
            .where(decision.c.workflow == workflow, decision.c.decided_at >= since)
            .group_by(decision.c.model_version)
        )
        with self._database.read() as connection:
            found = connection.execute(query)
            return {version: (count, int(alarmed)) for version, count, alarmed in found}
