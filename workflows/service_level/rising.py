"""The line that never falls which comes closest to points: isotonic regression.

Pool adjacent violators, as in Barlow, Bartholomew, Bremner, Brunk (1972), "Statistical Inference
under Order Restrictions", with straight lines between the levels.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple


class Level(NamedTuple):
    """A stretch of the line on which it is level: from where to where, its height, its points."""

    start: float
    end: float
    height: float
    points: int


class Rising:
    """The line, as a function; beyond the points it stays level."""

    def __init__(self, points: Iterable[tuple[float, float]]) -> None:
        corners = [(x, level.height) for level in _levels(points) for x in level[:2]]
        self._x = [x for x, _ in corners]
        self._y = [y for _, y in corners]

    def __call__(self, x: float) -> float:
        """Its height at x."""
        place = bisect_left(self._x, x)
        if place in {0, len(self._x)}:
            return self._y[min(place, len(self._y) - 1)]
        return between(self._corner(place - 1), self._corner(place), x)

    def _corner(self, place: int) -> tuple[float, float]:
        return self._x[place], self._y[place]


def between(left: tuple[float, float], right: tuple[float, float], x: float) -> float:
    """The height at x of the straight line through two points."""
    return left[1] + (right[1] - left[1]) * (x - left[0]) / (right[0] - left[0])


def _levels(points: Iterable[tuple[float, float]]) -> Sequence[Level]:
    levels: list[Level] = []
    for x, same in groupby(sorted(points), key=lambda point: point[0]):
        heights = [y for _, y in same]
        levels.append(Level(x, x, sum(heights) / len(heights), len(heights)))
        while len(levels) > 1 and levels[-2].height >= levels[-1].height:
            levels[-2:] = [_pooled(*levels[-2:])]
    return levels


def _pooled(one: Level, two: Level) -> Level:
    points = one.points + two.points
    height = (one.height * one.points + two.height * two.points) / points
    return Level(one.start, two.end, height, points)
