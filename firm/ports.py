"""What the use cases need from outside, as small protocols. Real parts and fakes pass one test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from firm.decision import Action, Decision
    from firm.errors import HeadwayError
    from firm.explanation import Contributions
    from firm.ids import SubjectId
    from firm.live import Live
    from firm.react import Arrival
    from firm.states import GroupState, SubjectState
    from firm.time import Micros
    from firm.workflow import Row, Workflow


class Scorer(Protocol):
    """A loaded, approved model."""

    @property
    def version(self) -> str:
        """The registered version, as decisions name it."""

    def predict(self, rows: Sequence[Row]) -> list[float]:
        """One calibrated probability for each row; the columns are the workflow's features."""


class Explainable(Scorer, Protocol):
    """A loaded model that says what each feature adds to a score."""

    def contributions(self, rows: Sequence[Row]) -> list[Contributions]:
        """What adds up to the score of each row."""


class Versions(Protocol):
    """Every version that was ever allowed to decide, for whoever looks back."""

    def version(self, workflow: str, version: str) -> Explainable:
        """One of them, loaded; raises ModelRefused where it cannot be had, or never decided."""


class Models(Protocol):
    """The live models, kept up to date behind this. Reading them is cheap and never waits."""

    def now(self, workflow: str) -> Live:
        """Who decides in a workflow: to be read once for a request or a batch."""

    def live(self, workflow: str) -> Scorer | None:
        """The approved model of a workflow, None while the declared rule decides."""


class ActionTarget(Protocol):
    """A system of record that can be asked to do something."""

    def perform(self, action: Action) -> str:
        """Do it once, however often it is asked (the action's id is the key); return the system's
        own reference. Raises a HeadwayError that says whether to retry."""


class OnlineStates(Protocol):
    """The states as the online store serves them."""

    def write(
        self,
        workflow: Workflow,
        subjects: Sequence[SubjectState],
        groups: Sequence[GroupState],
        known: Mapping[str, GroupState] | None = None,
    ) -> None:
        """Make these the states that are served; repeating it is harmless.

        `known` are all groups by group id, where the caller has them at hand.
        """

    def read(
        self, workflow: Workflow, subject: SubjectId, as_of: Micros | None = None
    ) -> tuple[SubjectState | None, Mapping[str, GroupState]]:
        """The state of a subject, None if it is unheard of, and by group id those of the groups
        that it belonged to as of an instant (as of its newest event, without one)."""

    def pool(self, workflow: Workflow) -> Sequence[str]:
        """The keys of the group that the workflow declares as the pool of its candidates: all that
        were ever observed, in any order."""

    def groups(self, workflow: Workflow, ids: Sequence[str]) -> Mapping[str, GroupState]:
        """The states of the groups with these ids that are heard of, read all at once."""


class LiveStates(Protocol):
    """The online store as requests read it, from an event loop."""

    async def read_all(
        self, workflow: Workflow, asked: Sequence[tuple[SubjectId, Micros]]
    ) -> Sequence[tuple[SubjectState | None, Mapping[str, GroupState]] | HeadwayError]:
        """For each subject and instant, in order: its state, None if it is unheard of, and by
        group id those of the groups that it belonged to as of then; or what is wrong with them."""


class Recorder(Protocol):
    """Where decisions are made durable, from an event loop."""

    async def record_all(
        self, asked: Sequence[tuple[Decision, Sequence[Action]]]
    ) -> Sequence[Decision]:
        """Keep decisions that were asked for, each with what follows from it; give for each the
        one that counts: the first of its id. It returns when all are durable."""


class EventLog(Protocol):
    """The canonical events in the order in which they arrived."""

    def read(self) -> Iterator[Arrival]:
        """Every event, from the first to the last that is there when the reading starts."""
