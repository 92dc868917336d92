"""Which columns of a window have moved away from those of training, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.comparison import EXPECTED_VALUES, LEAST_VALUES
from monitoring.sketch import Sketch, chance, distance


@dataclass(frozen=True)
class Moved:
    """One column: how far it lies from training, and how likely chance alone explains that."""

    name: str
    distance: float
    chance: float
    missing_then: float
    missing_now: float


@dataclass(frozen=True)
class Movement:
    """All columns of a window that can be compared, the farthest first.

    Attributes:
        silent: columns with values in training from which nothing comes any more.
    """

    columns: tuple[Moved, ...]
    silent: tuple[str, ...]


def movement(then: Sketch, now: Sketch) -> Movement:
    """Compare two sketches on the same grid."""
    places = range(len(then.grid.names))
    enough = [p for p in places if min(then.count(p), now.count(p)) >= LEAST_VALUES]
    columns = [
        Moved(
            name=then.grid.names[p],
            distance=distance(then, now, p),
            chance=chance(then, now, p),
            missing_then=_missing(then, p),
            missing_now=_missing(now, p),
        )
        for p in enough
    ]
    silent = (p for p in places if not now.count(p) and _expected(then, now, p) >= EXPECTED_VALUES)
    return Movement(
        columns=tuple(sorted(columns, key=lambda c: (-c.distance, c.name))),
        silent=tuple(then.grid.names[p] for p in silent),
    )


def _missing(sketch: Sketch, place: int) -> float:
    return int(sketch.missing[place]) / max(sketch.rows, 1)


def _expected(then: Sketch, now: Sketch, place: int) -> float:
    """How many values the window should have, going by training."""
    return (1 - _missing(then, place)) * now.rows
