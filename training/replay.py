"""The log replayed into training rows by the very function that the stream runs."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from firm.decision import Decision
from firm.events import Event, ScoreRequested
from firm.ids import DecisionId
from firm.react import Arrival, react
from firm.states import States
from firm.workflow import Workflow
from training.rows import RowsBuilder, TrainingRows


def replay(workflow: Workflow, arrivals: Iterable[Arrival]) -> TrainingRows:
    """Fold the log in its order from nothing, and keep each question with what became of it.

    The arrivals go in one by one, so that the instant at which an outcome was learnt does not
    depend on how batches are cut. What the stream would reject gives no row here either.
    """
    states = States()
    builder = RowsBuilder(workflow.feature_names)
    for arrival in arrivals:
        if not _concerns(workflow, arrival.event):
            continue
        effects = react(workflow, [arrival], states, None, arrival.event.occurred_at)
        for judged in effects.judged:
            builder.judge(judged, effects.watermark)
        for decision in effects.decisions:
            builder.ask(decision, arrival.position)
    return builder.rows()


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


def _concerns(workflow: Workflow, event: Event) -> bool:
    if isinstance(event.fact, ScoreRequested):
        return event.fact.workflow == workflow.slug
    return workflow.folds(event)
