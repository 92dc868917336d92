"""Does a ranking find who turned out to be right, where whoever had the request first was not?

Only what became of a request in the hands that it was given to is ever seen, not what would have
become of it in others'. So the question is put to the requests that went elsewhere: was whoever
ended with them ranked high, on what was known when they were opened?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from firm.candidates import Candidates
from firm.decision import Asked
from firm.ranking import consider, held_by
from firm.states import States
from firm.time import Micros
from firm.workflow import Workflow, newest_text
from training.fit import Fitted
from training.replay import Replayed
from training.rows import TrainingRows


class RankingQuality(msgspec.Struct, frozen=True):
    """Figures of the n requests that ended with somebody else than they began with.

    Attributes:
        scored: of how many the right candidate was scored at all; the others, whom a filter left
            out or who were not usual enough, count as missed in every figure.
        above_first: how often the right one came before whoever had the request first.
        hit_at_1, hit_at_3, hit_at_5: how often it was among the first so many.
        mrr: the mean of 1 / its place.
        baseline_...: the same with these candidates in the order of the declared `usual`.
        random_hit_at_3: the same by chance.
    """

    n: int
    scored: int
    above_first: float
    hit_at_1: float
    hit_at_3: float
    hit_at_5: float
    mrr: float
    baseline_hit_at_1: float
    baseline_hit_at_3: float
    baseline_hit_at_5: float
    baseline_mrr: float
    random_hit_at_3: float


@dataclass(frozen=True, slots=True)
class Look:
    """The m candidates of one question: their names, their rows (m, features), how usual each is,
    and whoever had the request then."""

    first: str | None
    keys: tuple[str, ...]
    rows: NDArray[np.float32]
    usual: tuple[float, ...]


class Looks:
    """Looks at the candidates of each question from an instant on, while a log is replayed: handed
    to `replay_whole` as `watch`. Without declared candidates it sees nothing."""

    def __init__(self, workflow: Workflow, since: Micros) -> None:
        self._workflow = workflow
        self._since = since
        self._found: dict[str, Look] = {}

    def __call__(self, asked: Asked, states: States) -> None:
        """Keep what a ranking would have rested on."""
        declared, workflow = self._workflow.candidates, self._workflow
        if declared is None or asked.as_of < self._since:
            return
        known = states.known(workflow, asked.subject, asked.as_of)
        pool = states.keys(declared.pool)
        admitted = consider(workflow, known, states.groups, pool).admitted
        held = [held_by(workflow, known, states.groups, one.key) for one in admitted]
        self._found[asked.cause] = Look(
            first=newest_text(known.entries, declared.text),
            keys=tuple(one.key for one in admitted),
            rows=np.array([one.row for one in admitted], dtype=np.float32),
            usual=tuple(declared.usual(one) or 0.0 for one in held),
        )

    def at(self, cause: str) -> Look | None:
        """What was seen at the event that asked."""
        return self._found.get(cause)


class Places:
    """At which place the right candidate stood in the ranking of each request that went elsewhere,
    by the newest model that there was."""

    def __init__(self, declared: Candidates, replayed: Replayed, looks: Looks) -> None:
        self._declared = declared
        self._replayed = replayed
        self._looks = looks
        self._ranked: list[int | None] = []
        self._usual: list[int | None] = []
        self._above: list[bool] = []
        self._chance: list[float] = []

    def take(self, model: Fitted, rows: TrainingRows) -> None:
        """Rank the candidates of these rows by this model."""
        own = model.predict(rows.features)
        asked = zip(rows.subject.tolist(), rows.event.tolist(), own.tolist(), strict=True)
        for subject, event, probability in asked:
            look = self._looks.at(event)
            entries = self._replayed.subjects[subject].history.entries
            right = self._declared.taken_by(entries)
            if look is not None and right is not None and right != look.first:
                self._add(look, right, model, probability)

    def quality(self) -> RankingQuality | None:
        """The figures; None where no request went elsewhere."""
        if not self._ranked:
            return None
        return RankingQuality(
            n=len(self._ranked),
            scored=sum(place is not None for place in self._ranked),
            above_first=float(np.mean(self._above)),
            **_hits(self._ranked, ""),
            **_hits(self._usual, "baseline_"),
            random_hit_at_3=float(np.mean(self._chance)),
        )

    def _add(self, look: Look, right: str, model: Fitted, own: float) -> None:
        if right not in look.keys:
            self._ranked.append(None)
            self._usual.append(None)
            self._above.append(False)
            self._chance.append(0.0)
            return
        fit = [self._declared.fit(p) for p in model.predict(look.rows.astype(np.float64)).tolist()]
        scores = dict(zip(look.keys, fit, strict=True))
        self._ranked.append(_place(scores, right))
        self._usual.append(_place(dict(zip(look.keys, look.usual, strict=True)), right))
        self._above.append(scores[right] > self._declared.fit(own))
        self._chance.append(min(3, len(look.keys)) / len(look.keys))


def _place(scores: Mapping[str, float], right: str) -> int:
    """From 1, the highest score first, equals in the order of their names."""
    return sorted(scores, key=lambda key: (-scores[key], key)).index(right) + 1


def _hits(places: Sequence[int | None], prefix: str) -> dict[str, float]:
    found = {
        f"{prefix}hit_at_{most}": float(np.mean([p is not None and p <= most for p in places]))
        for most in (1, 3, 5)
    }
    return found | {f"{prefix}mrr": float(np.mean([1 / p if p else 0.0 for p in places]))}
