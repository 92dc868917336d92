"""Whom a version would show: a sample of rankings, drawn while the log is replayed.

What it would do to those whom it ranks can be told only from rankings, and to look at the
candidates of every question takes longer than all the rest; so a sample is kept, more of the latest
than of early ones.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firm.decision import Asked
from firm.ranking import consider
from firm.states import States
from firm.time import DAY, Micros
from firm.workflow import Workflow
from training.fit import Fitted
from training.rows import Floats

RANKINGS = 100
"""So many candidates' chances are told well enough: what is compared is people, not rankings."""
SPAN_DAYS = 30.0
"""A question so much older is taken e times less often."""


class Considered(NamedTuple):
    """The candidates of one question: those that were scored, with the row (m, features) of each,
    and those that a rule left out."""

    keys: tuple[str, ...]
    rows: NDArray[np.float32]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a version makes of n candidates, over so many rankings.

    Attributes:
        known, scored, shown: (n) how often each was known, not left out, and among the first.
        features: those that may change with the candidate.
        inputs: (n, len(features)) their means over the rankings in which a candidate was scored;
            NaN where they were always missing.
    """

    rankings: int
    candidates: tuple[str, ...]
    known: NDArray[np.int64]
    scored: NDArray[np.int64]
    shown: NDArray[np.int64]
    features: tuple[str, ...]
    inputs: Floats


class Sampled:
    """Draws the sample: handed to `replay_whole` as `watch`.

    By weights that grow with time: Efraimidis and Spirakis, Weighted random sampling with a
    reservoir, Inf. Process. Lett. 97, 2006.
    """

    def __init__(self, workflow: Workflow, cut: Micros) -> None:
        self._workflow = workflow
        self._cut = cut
        self._luck = random.Random(workflow.model.seed)  # noqa: S311  (not for secrets)
        self._drawn: list[tuple[float, str, Considered]] = []

    def __call__(self, asked: Asked, states: States) -> None:
        """Keep the candidates of this question, if it is drawn."""
        declared = self._workflow.candidates
        if declared is None or asked.as_of >= self._cut:
            return
        gumbel = -math.log(-math.log(self._luck.random() or 0.5))
        key = asked.as_of / (SPAN_DAYS * DAY) + gumbel
        if len(self._drawn) == RANKINGS and key <= self._drawn[0][0]:
            return
        known = states.known(self._workflow, asked.subject, asked.as_of)
        found = consider(self._workflow, known, states.groups, states.keys(declared.pool))
        considered = Considered(
            keys=tuple(one.key for one in found.admitted),
            rows=np.array([one.row for one in found.admitted], dtype=np.float32),
            left_out=tuple(key for one in found.excluded for key in one.candidates),
        )
        if len(self._drawn) == RANKINGS:
            heapq.heapreplace(self._drawn, (key, asked.cause, considered))
        else:
            heapq.heappush(self._drawn, (key, asked.cause, considered))

    def ranked_by(self, model: Fitted, top: int) -> Selection:
        """What this model makes of the sample, the first `top` of each ranking shown."""
        drawn = [one for _, _, one in sorted(self._drawn, key=lambda one: one[1])]
        return _selection(self._workflow, drawn, model, top)


def _selection(
    workflow: Workflow, drawn: Sequence[Considered], model: Fitted, top: int
) -> Selection:
    assert workflow.candidates is not None  # noqa: S101  (else nothing was drawn)
    columns = list(workflow.columns_with(workflow.candidates.text))
    known, scored, shown = (defaultdict[str, int](int) for _ in range(3))
    rows: dict[str, list[Floats]] = defaultdict(list)
    for one in drawn:
        for key in (*one.keys, *one.left_out):
            known[key] += 1
        for key, row in zip(one.keys, one.rows, strict=True):
            scored[key] += 1
            rows[key].append(row[columns].astype(np.float64))
        for key in _first(workflow, one, model, top):
            shown[key] += 1
    names = tuple(sorted(known))
    missing = [np.full(len(columns), np.nan)]
    return Selection(
        rankings=len(drawn),
        candidates=names,
        known=_counts(known, names),
        scored=_counts(scored, names),
        shown=_counts(shown, names),
        features=tuple(workflow.feature_names[column] for column in columns),
        inputs=np.array([_means(rows.get(name, missing)) for name in names]).reshape(
            len(names), len(columns)
        ),
    )


def _first(workflow: Workflow, one: Considered, model: Fitted, top: int) -> list[str]:
    """Those who would be shown: as `firm.ranking.rank` orders them."""
    if not one.keys or workflow.candidates is None:
        return []
    probabilities = model.predict(one.rows.astype(np.float64)).tolist()
    fit = [workflow.candidates.fit(p) for p in probabilities]
    return [key for _, key in sorted(zip(fit, one.keys, strict=True), key=_best_first)][:top]


def _best_first(one: tuple[float, str]) -> tuple[float, str]:
    return -one[0], one[1]


def _means(rows: Sequence[Floats]) -> Floats:
    """Of each column, over the rows that have it."""
    stacked = np.array(rows)
    there = ~np.isnan(stacked)
    count = there.sum(axis=0)
    total = np.where(there, stacked, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _counts(of: dict[str, int], names: Sequence[str]) -> NDArray[np.int64]:
    return np.array([of.get(name, 0) for name in names], dtype=np.int64)
