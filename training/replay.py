"""The log replayed into training rows by the very function that the stream runs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from firm.decision import Asked, Decision
from firm.events import Event, ScoreRequested
from firm.history import Entry
from firm.ids import DecisionId, EventId, SubjectId, decision_id
from firm.react import Arrival, Batch
from firm.reported import OutcomeReported
from firm.states import States, SubjectState
from firm.time import Micros
from firm.workflow import Workflow
from training.rows import RowsBuilder, TrainingRows

Watch = Callable[[Asked, States], None]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A log after its replay.

    Attributes:
        rows: each question with what became of it.
        subjects: every subject with all its entries, by its id.
        came: for an event that came after later ones, how far the log had advanced by then.
    """

    rows: TrainingRows
    subjects: Mapping[SubjectId, SubjectState]
    came: Mapping[EventId, Micros]

    def histories(self, cut: Micros) -> list[Sequence[Entry]]:
        """The entries of every subject that had happened, and had come, before the cut."""
        found = (self._before(state.history.entries, cut) for state in self.subjects.values())
        return [entries for entries in found if entries]

    def history(self, subject: SubjectId, as_of: Micros) -> Sequence[Entry]:
        """The entries of a subject up to and including `as_of`."""
        return self.subjects[subject].history.until(as_of)

    def entries(self) -> dict[EventId, Entry]:
        """Every entry by the id of its event."""
        found = (state.history.entries for state in self.subjects.values())
        return {entry.event: entry for entries in found for entry in entries}

    def _before(self, entries: Sequence[Entry], cut: Micros) -> Sequence[Entry]:
        before = entries[: bisect_left(entries, cut, key=lambda entry: entry.at)]
        return [e for e in before if self.came.get(e.event, cut - 1) < cut] if self.came else before


def replay(workflow: Workflow, arrivals: Iterable[Arrival]) -> TrainingRows:
    """The rows of a log; see `replay_whole`."""
    return replay_whole(workflow, arrivals).rows


def replay_whole(
    workflow: Workflow,
    arrivals: Iterable[Arrival],
    watch: Watch | None = None,
) -> Replayed:
    """Fold a log from nothing, and keep each question with what became of it; see `Replay`."""
    return Replay(workflow).go_on(arrivals, watch)


class Replay:
    """A log folded in its order from nothing, as far as it has been told.

    The arrivals go in one by one, so that the instant at which an outcome was learnt does not
    depend on how batches are cut. What the stream would reject gives no row here either.
    """

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._states = States()
        self._builder = RowsBuilder(workflow.feature_names)
        self._came: dict[EventId, Micros] = {}

    def go_on(self, arrivals: Iterable[Arrival], watch: Watch | None = None) -> Replayed:
        """Fold what comes next, and give all from the beginning.

        `watch` sees each question with the states as they are when it is asked.
        """
        workflow, states, builder = self._workflow, self._states, self._builder
        for arrival, batch in one_by_one(workflow, arrivals, states, self._came.setdefault):
            for judged in batch.judged.values():
                builder.judge(judged, states.watermark)
            for asked in batch.asked:
                builder.ask(decision_id(workflow.slug, asked.cause), asked, arrival.position)
                if watch is not None:
                    watch(asked, states)
        return Replayed(builder.rows(), states.subjects, self._came)


def one_by_one(
    workflow: Workflow,
    arrivals: Iterable[Arrival],
    states: States,
    came: Callable[[EventId, Micros], object],
) -> Iterator[tuple[Arrival, Batch]]:
    """Each arrival that concerns the workflow, folded into the states, with what it brought about.

    `came` is told of an event that is older than others before it how far the log had advanced.
    """
    for arrival in arrivals:
        if not concerns(workflow, arrival.event):
            continue
        if arrival.event.occurred_at < states.watermark:
            came(arrival.event.id, states.watermark)
        batch = Batch(workflow, states)
        batch.take(arrival)
        yield arrival, batch


class Mismatch(msgspec.Struct, frozen=True):
    """A decision that the replay does not confirm.

    Attributes:
        features: those that differ; empty where the replay has no such decision at all.
    """

    decision: DecisionId
    features: tuple[str, ...]


def mismatches(rows: TrainingRows, decisions: Iterable[Decision]) -> list[Mismatch]:
    """The decisions whose features are not exactly those of the replayed row of the same id.

    Decisions asked over HTTP are passed over: their causes stand in no log.
    """
    places = {decision: place for place, decision in enumerate(rows.decision.tolist())}
    found = []
    for decision in decisions:
        if decision.origin == "http":
            continue
        place = places.get(decision.id)
        if place is None:
            found.append(Mismatch(decision.id, ()))
        elif differing := _differing(rows, place, decision):
            found.append(Mismatch(decision.id, differing))
    return found


def _differing(rows: TrainingRows, place: int, decision: Decision) -> tuple[str, ...]:
    values = rows.features[place].tolist()
    replayed = {n: None if np.isnan(v) else v for n, v in zip(rows.names, values, strict=True)}
    names = dict.fromkeys([*replayed, *decision.features])
    return tuple(
        name
        for name in names
        if name not in replayed
        or name not in decision.features
        or replayed[name] != decision.features[name]
    )


def concerns(workflow: Workflow, event: Event) -> bool:
    """Whether an event changes what the workflow knows, or asks it."""
    if isinstance(event.fact, ScoreRequested | OutcomeReported):
        return event.fact.workflow == workflow.slug
    return workflow.folds(event)
