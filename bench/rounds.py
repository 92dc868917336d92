"""Interleaved rounds: what is compared runs by turns; a noisy machine then disturbs all alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

Call = Callable[[], object]


class Goal(msgspec.Struct, frozen=True):
    """What a figure has to reach."""

    at_least: float | None = None
    below: float | None = None

    def met(self, figure: float) -> bool:
        """Whether the figure reaches it."""
        enough = self.at_least is None or figure >= self.at_least
        return enough and (self.below is None or figure < self.below)


class Found(msgspec.Struct, frozen=True):
    """What a benchmark found.

    Attributes:
        ratios: the median over the rounds of how many times quicker Headway is.
        spread: the lowest and the highest of the rounds, for each ratio.
        figures: medians of what was measured, each with its unit in its name.
        how: what was measured, in words.
        load: of the machine over the last minute when it began: what else ran meanwhile.
        skipped: what could not be measured, and why.
    """

    ratios: dict[str, float]
    spread: dict[str, tuple[float, float]]
    figures: dict[str, float]
    rounds: int
    how: str
    goals: dict[str, dict[str, Any]]
    load: float
    skipped: dict[str, str] = {}


def microseconds(call: Call, seconds: float = 0.1) -> float:
    """The mean time of one call, over as many as fit into so long."""
    calls, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        call()
        calls += 1
    return passed / calls * 1e6


def by_turns(calls: Mapping[str, Call], rounds: int) -> dict[str, list[float]]:
    """The microseconds of a call of each, round by round; each is called once before."""
    for call in calls.values():
        call()
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(microseconds(call))
    return found


def ratio(slower: Sequence[float], quicker: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """How many times quicker one is: the median over the rounds, and the lowest and highest."""
    each = sorted(s / q for s, q in zip(slower, quicker, strict=True))
    return round(statistics.median(each), 2), (round(each[0], 2), round(each[-1], 2))


def judged(goals: Mapping[str, Goal], figures: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Each goal with whether its figure reaches it."""
    return {
        name: {**_asked(goal), "met": goal.met(figures[name])}
        for name, goal in goals.items()
        if name in figures
    }


def load() -> float:
    """How many processes wanted the machine's cores over the last minute."""
    return round(os.getloadavg()[0], 2)


def _asked(goal: Goal) -> dict[str, float]:
    return {
        name: limit for name, limit in msgspec.structs.asdict(goal).items() if limit is not None
    }
