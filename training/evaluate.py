"""How good a workflow's model would have been on a log, had it been live from a cut on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from firm.errors import CannotTrain
from firm.time import Micros, to_datetime
from firm.workflow import Workflow
from training.fit import Fitted, fit
from training.leaks import require_none
from training.lessons import lessons
from training.parts import Parting, quality_by, slices, steps
from training.quality import Quality, quality
from training.ranking import Looks, Places, RankingQuality
from training.replay import Replayed
from training.rows import Fingerprint, Flags, Floats, TrainingRows

Every = Micros | Literal["each"] | None
"""How often a model is trained: each so many microseconds; at each instant that asks, once all
that happened at it has told what became of earlier rows; or once (None)."""
LEAST_OF_A_SLICE = 50
"""Figures of fewer rows say more of chance than of the model."""
MOST_SLICES = 10
"""Of one kind: the largest."""


class Evaluation(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        quality: on every row asked at the cut or later whose real outcome the log tells.
        steps: the same for each step of the process, where the workflow has steps; its constant
            is the step's own base rate, as known when the model was trained.
        slices: the same for the largest values of each declared slice, held to their own constants
            too, and of each declared group, and for each month.
        trainings: how many models were fitted, each on what was known by then.
        learnt: the rows that the first of them was fitted on.
        known: how many of these had a known outcome; the others were estimated.
        open: rows from the cut on whose outcome the log does not tell; they are not judged.
        ranking: how the candidates for the judged rows were ranked; None where none are declared.
    """

    quality: Quality
    steps: dict[str, Quality]
    slices: dict[str, dict[str, Quality]]
    trainings: int
    learnt: Fingerprint
    known: int
    open: int
    ranking: RankingQuality | None = None


class _Scored(NamedTuple):
    """Rows with the score of the newest model before each, and the constant to beat; also those of
    the parts that the rows belong to, by the parting."""

    rows: TrainingRows
    probability: Floats
    constant: Floats
    own: dict[Parting, Floats]

    def take(self, model: Fitted, learnt: TrainingRows, keep: Flags) -> None:
        """Score the rows to keep by a model that has learnt from these."""
        judged = self.rows.where(keep)
        self.probability[keep] = model.predict(judged.features)
        self.constant[keep] = model.base_rate
        for parting, constant in self.own.items():
            constant[keep] = parting.constant(learnt, judged)

    def by(
        self, keys: Sequence[str | None], least: int = 1, most: int | None = None
    ) -> dict[str, Quality]:
        outcome = self.rows.outcome
        return quality_by(keys, outcome, self.probability, self.constant, least, most)

    def parted(
        self, parting: Parting, least: int = 1, most: int | None = None
    ) -> dict[str, Quality]:
        found = self._replace(constant=self.own[parting])
        return found.by(parting.of(self.rows), least, most)


def evaluate(
    workflow: Workflow,
    replayed: Replayed,
    cut: Micros,
    every: Every = None,
    progress: Callable[[int], None] = lambda _: None,
    looks: Looks | None = None,
) -> Evaluation:
    """Train on what was known at the cut, and again as often as `every` says; score each later
    row by the newest model that there was, and hold the scores against the outcomes.

    `progress` is called with the number of rows that were scored. `looks` saw the candidates of
    each row when it was replayed; they are ranked by the same models.

    Raises:
        CannotTrain: too little is known at the cut, a feature leaks, or nothing can be judged.
    """
    later = replayed.rows.after(cut)
    judged = later.labelled()
    if not len(judged):
        raise CannotTrain(_nothing_known(workflow, replayed.rows, "at or after", cut, "an earlier"))
    require_none(workflow, replayed, cut)
    learnt = first = lessons(workflow, replayed, cut)
    if not len(first):
        raise CannotTrain(_nothing_known(workflow, replayed.rows, "before", cut, "a later"))
    model, trainings = fit(workflow, first), 1
    by_step, declared = steps(workflow, replayed), slices(workflow, replayed)
    scored = _unscored(judged, [by_step, *declared.values()])
    places = _places(workflow, replayed, looks)
    for at, keep in _turns(judged.as_of, cut, every):
        if at > cut:
            learnt = _learnt(workflow, replayed, at, including=every == "each")
            model, trainings = fit(workflow, learnt), trainings + 1
        scored.take(model, learnt, keep)
        if places is not None:
            places.take(model, judged.where(keep))
        progress(int(keep.sum()))
    return Evaluation(
        quality=quality(judged.outcome, scored.probability, scored.constant),
        steps=scored.parted(by_step),
        slices=_slices(workflow, replayed, scored, declared),
        trainings=trainings,
        learnt=first.fingerprint(),
        known=int((first.known_from < cut).sum()),
        open=len(later) - len(judged),
        ranking=places.quality() if places else None,
    )


def _places(workflow: Workflow, replayed: Replayed, looks: Looks | None) -> Places | None:
    if workflow.candidates is None or looks is None:
        return None
    return Places(workflow.candidates, replayed, looks)


def _turns(as_of: NDArray[np.int64], cut: Micros, every: Every) -> Iterator[tuple[Micros, Flags]]:
    """When a model is trained, and the rows that it scores; where it has none, none is trained."""
    if every is None:
        yield cut, np.ones(len(as_of), dtype=np.bool_)
        return
    turn = as_of if every == "each" else cut + (as_of - cut) // every * every
    for at in np.unique(turn).tolist():
        yield at, turn == at


def _learnt(workflow: Workflow, replayed: Replayed, at: Micros, including: bool) -> TrainingRows:
    """What could be learnt from before an instant, or `including` what it told of earlier rows."""
    if not including:
        return lessons(workflow, replayed, at)
    found = lessons(workflow, replayed, at + 1)
    return found.where(found.as_of < at)


def _unscored(judged: TrainingRows, partings: Sequence[Parting]) -> _Scored:
    empty = partial(np.empty, len(judged))
    return _Scored(judged, empty(), empty(), {parting: empty() for parting in partings})


def _slices(
    workflow: Workflow, replayed: Replayed, scored: _Scored, declared: Mapping[str, Parting]
) -> dict[str, dict[str, Quality]]:
    months = [f"{to_datetime(at):%Y-%m}" for at in scored.rows.as_of.tolist()]
    groups = _groups(workflow, replayed, scored.rows)
    keys: Mapping[str, Sequence[str | None]] = {"month": months, **groups}
    found = {name: scored.by(of, LEAST_OF_A_SLICE, MOST_SLICES) for name, of in keys.items()}
    found |= {
        name: scored.parted(parting, LEAST_OF_A_SLICE, MOST_SLICES)
        for name, parting in declared.items()
    }
    return {name: slices for name, slices in found.items() if slices}


def _groups(
    workflow: Workflow, replayed: Replayed, rows: TrainingRows
) -> dict[str, list[str | None]]:
    """For each declared group, which of them every row belonged to when it was asked."""
    members = [
        workflow.membership(replayed.history(subject, at))
        for subject, at in zip(rows.subject.tolist(), rows.as_of.tolist(), strict=True)
    ]
    named = [group.name for group in workflow.groups if group.key is not None]
    return {
        name: [str(m[name]).removeprefix(f"{name}:") if name in m else None for m in members]
        for name in named
    }


def _nothing_known(
    workflow: Workflow, rows: TrainingRows, side: str, cut: Micros, other: str
) -> str:
    span = "the log asks for no score"
    if len(rows):
        first, last = (to_datetime(int(at)).date() for at in (rows.as_of.min(), rows.as_of.max()))
        span = f"scores are asked from {first} to {last}"
    return (
        f"{workflow.slug}: no outcome is known of anything asked {side} "
        f"{to_datetime(cut).isoformat()}; {span}: choose {other} cut"
    )
