"""Windows of a declared number of decisions, each held against training and against the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import pi

import numpy as np

from firm.decision import Decision
from firm.time import Micros
from firm.workflow import Workflow
from monitoring.cases import Floats
from monitoring.estimate import Expected, expected
from monitoring.moved import Moved, Movement, movement
from monitoring.reference import Reference
from monitoring.sketch import Grid, Sketch
from monitoring.window import SCORE

Contribute = Callable[[Floats], Floats]
EXPLAINED = 100
"""Rows of a window whose contributions are computed: exact TreeSHAP costs milliseconds a row."""
REFERENCE_EXPLAINED = 1_000
PRESENT = 100
"""Rows of an open window from which on they are told from training by themselves."""
FAR = 0.1
"""Standard deviations of training from which on a change matters (Evidently's own default)."""


@dataclass(frozen=True)
class Window:
    """A full window: decisions `first` to before `last` of the version.

    Attributes:
        number: from 1.
        start, end: when its first and last decisions were taken (by their order in time).
        chance: with at most this chance a column of unchanged work counts as moved.
        inputs, score: against training; None without training rows.
        since_last: the inputs against the window before; None for the first.
        attributions: the contributions of the features against training.
        expected: how good its scores should be, estimated as it was closed.
    """

    number: int
    first: int
    last: int
    start: Micros
    end: Micros
    chance: float
    inputs: Movement | None
    score: Moved | None
    since_last: Movement | None
    attributions: Movement | None
    expected: Expected

    @property
    def moved_inputs(self) -> tuple[Moved, ...]:
        """The inputs that have moved, the farthest first."""
        return _moved(self.inputs, self.chance)

    @property
    def moved_attributions(self) -> tuple[Moved, ...]:
        """The features that weigh otherwise than in training, the farthest first."""
        return _moved(self.attributions, self.chance)


class WindowMaker:
    """Fills windows with decisions; keeps sketches and a few rows, never all of them.

    Args:
        chance: of any false alarm on the inputs, over all windows that will ever be: each window
            gets its share 6 / (pi n)^2 of it, and of that each column so much that, however the
            columns hang together, `drifted_share` of them are moved by chance no more often
            (Markov's inequality on their number).
    """

    def __init__(
        self,
        workflow: Workflow,
        reference: Reference | None,
        contribute: Contribute | None,
        chance: float,
    ) -> None:
        self._workflow, self._contribute, self._chance = workflow, contribute, chance
        self._names = (*workflow.feature_names, SCORE)
        self._training, self._explained = self._sketch_training(reference)
        self._last: Sketch | None = None
        self._number = self._first = 0
        self._begin()

    def add(self, decisions: Sequence[Decision]) -> Iterator[Window]:
        """Take decisions in; gives each window that they fill."""
        left = iter(decisions)
        size = self._workflow.watch.window_rows
        while part := list(islice(left, size - self._now.rows)):
            self._take(part)
            if self._now.rows == size:
                yield self._close()

    def present(self) -> Movement | None:
        """The inputs of the newest rows against training: of the open window if it holds enough
        rows, else of the last; None without training rows."""
        if self._training is None:
            return None
        newest = self._now if self._now.rows >= PRESENT or self._last is None else self._last
        return _without_score(movement(self._training, newest))

    def _begin(self) -> None:
        grid = self._training.grid if self._training else None
        self._now = Sketch(grid or Grid.of(self._names, np.empty((0, len(self._names)))))
        self._scores: list[float] = []
        self._times: list[Micros] = []
        self._sampled: list[Floats] = []

    def _take(self, decisions: Sequence[Decision]) -> None:
        names = self._workflow.feature_names
        features = np.array(
            [[one.features.get(name) for name in names] for one in decisions], dtype=np.float64
        ).reshape(len(decisions), len(names))
        scores = [one.probability for one in decisions]
        step = max(self._workflow.watch.window_rows // EXPLAINED, 1)
        self._sampled.append(features[-self._now.rows % step :: step])
        self._now.add(np.column_stack([features, scores]))
        self._scores += scores
        self._times += [one.as_of for one in decisions]

    def _close(self) -> Window:
        self._number += 1
        limit = self._workflow.watch.drifted_share or 1 / len(self._names)
        chance = self._chance * limit * 6 / (pi * self._number) ** 2
        whole = movement(self._training, self._now) if self._training else None
        last = self._first + self._now.rows
        window = Window(
            number=self._number,
            first=self._first,
            last=last,
            start=min(self._times),
            end=max(self._times),
            chance=chance,
            inputs=_without_score(whole),
            score=_score(whole),
            since_last=_without_score(movement(self._last, self._now) if self._last else None),
            attributions=self._attributions(),
            expected=expected(np.array(self._scores), self._workflow.policy.alarm_at),
        )
        self._last, self._first = (self._now if self._training else None), last
        self._begin()
        return window

    def _attributions(self) -> Movement | None:
        if self._explained is None or self._contribute is None:
            return None
        now = Sketch(self._explained.grid)
        now.add(self._contribute(np.concatenate(self._sampled)))
        return movement(self._explained, now)

    def _sketch_training(self, reference: Reference | None) -> tuple[Sketch | None, Sketch | None]:
        if reference is None or not len(reference):
            return None, None
        whole = np.column_stack([reference.features, reference.score])
        training = _sketched(self._names, whole)
        if self._contribute is None:
            return training, None
        explained = self._contribute(reference.sample(REFERENCE_EXPLAINED))
        return training, _sketched(self._workflow.feature_names, explained)


def _sketched(names: tuple[str, ...], rows: Floats) -> Sketch:
    sketch = Sketch(Grid.of(names, rows))
    sketch.add(rows)
    return sketch


def _moved(found: Movement | None, chance: float) -> tuple[Moved, ...]:
    columns = found.columns if found else ()
    return tuple(c for c in columns if c.distance >= FAR and c.chance <= chance)


def _without_score(found: Movement | None) -> Movement | None:
    if found is None:
        return None
    return Movement(tuple(c for c in found.columns if c.name != SCORE), found.silent)


def _score(found: Movement | None) -> Moved | None:
    columns = found.columns if found else ()
    return next((c for c in columns if c.name == SCORE), None)
