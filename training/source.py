"""Where training takes its rows from, and how a model is fitted on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, Protocol

from firm.react import Arrival
from firm.time import Micros
from firm.workflow import Workflow
from training.fit import Fitted, fit
from training.lessons import lessons
from training.replay import Replay, Replayed, Watch
from training.rows import TrainingRows


class Source(NamedTuple):
    """A replayed log, what is to be learnt from it at a cut, and the way to fit on that."""

    replayed: Replayed
    learn: Callable[[Micros], TrainingRows]
    fit: Callable[[Workflow, TrainingRows], Fitted]


class Replays(Protocol):
    """Replays a log; `watch` sees each question as it is asked (`replay_whole`)."""

    def __call__(
        self, workflow: Workflow, arrivals: Iterable[Arrival], watch: Watch | None = None
    ) -> Source:
        """The log as something to learn from."""


def in_memory(
    workflow: Workflow, arrivals: Iterable[Arrival], watch: Watch | None = None
) -> Source:
    """The log as it fits into memory."""
    return going_on(Replay(workflow), workflow, arrivals, watch)


def going_on(
    replay: Replay, workflow: Workflow, arrivals: Iterable[Arrival], watch: Watch | None = None
) -> Source:
    """A log of which a replay has folded all but these arrivals."""
    replayed = replay.go_on(arrivals, watch)
    return Source(replayed, partial(lessons, workflow, replayed), fit)
