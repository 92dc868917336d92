"""What was observed of the members of many groups, in columns: `firm.groups.Group` for all keys of
one declared group at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firm.groups import STEPS, geometric
from firm.time import DAY, Micros
from training.rows import Flags, Floats, Ints

Columns = list[NDArray[Any]]
"""Keys, buckets, counts and sums, with one entry each for every bucket of every key."""


class _Index(NamedTuple):
    """Where the entries stand.

    Attributes:
        keys: in their order; starts: of the entries of each.
        low, span: the first bucket of all, and how many there are up to the last.
        place: key and bucket of each entry as one number.
    """

    keys: Ints
    starts: Ints
    low: int
    span: int
    place: Ints


class Tallies:
    """Counts and sums by key and bucket, once no more of them come.

    Args:
        key, at, value: one observation each; `key` says of which group.
        grain: the width of the buckets.
    """

    def __init__(self, key: Ints, at: Ints, value: Floats, grain: Micros) -> None:
        steps = np.rint(value * STEPS) / STEPS
        self.grain = grain
        self._set([key, at // grain, np.ones(len(key)), steps])

    def _set(self, columns: Columns) -> None:
        self.key, self.bucket, self.counts, self.sums = _summed(columns)
        self._running: dict[float | None, tuple[Floats, Floats]] = {}

    def plus(self, other: Tallies) -> Tallies:
        """What both have observed."""
        mine, theirs = ((t.key, t.bucket, t.counts, t.sums) for t in (self, other))
        found = Tallies(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), self.grain)
        found._set([np.concatenate(pair) for pair in zip(mine, theirs, strict=True)])
        return found

    @cached_property
    def _index(self) -> _Index:
        keys, starts = np.unique(self.key, return_index=True)
        low = int(self.bucket.min(initial=0))
        span = int(self.bucket.max(initial=0)) - low + 2
        place = np.searchsorted(keys, self.key) * span + self.bucket - low
        return _Index(keys, starts, low, span, place)

    def before(
        self,
        key: Ints,
        as_of: Ints,
        within_days: float | None = None,
        half_life_days: float | None = None,
    ) -> tuple[Floats, Floats]:
        """For n keys and instants, count and sum of what was observed before the bucket of each;
        zeros for a key of which nothing is known. See `Group.before`."""
        end = as_of // self.grain
        known, positive = self._until(key, end, half_life_days)
        if within_days is None:
            return known, positive
        buckets = int(within_days * DAY // self.grain)
        earlier, earlier_positive = self._until(key, end - buckets, half_life_days)
        weight = 0.5 ** (buckets * self._rate(half_life_days))
        return known - earlier * weight, positive - earlier_positive * weight

    def newest(
        self, key: Ints, as_of: Ints, most: float, fading: float = 1.0
    ) -> tuple[Floats, Floats]:
        """For n keys and instants, weighted count and sum of the newest observations; see
        `Group.newest`."""
        there, place, start = self._newest_place(key, as_of // self.grain)
        seen, known, positive = (np.zeros(len(place)) for _ in range(3))
        here = np.arange(len(place))
        while len(here):
            counts, totals = self.counts[place[here]], self.sums[place[here]]
            weights = _powers(fading, seen[here]) * _each(counts, lambda n: geometric(fading, n))
            known[here] += weights
            positive[here] += totals * weights / counts
            seen[here] += counts
            place[here] -= 1
            here = here[(seen[here] < most) & (place[here] >= start[here])]
        found = np.zeros((2, len(key)))
        found[:, there] = known, positive
        return found[0], found[1]

    def last_before(self, key: Ints, as_of: Ints) -> Floats:
        """For n keys and instants, when the newest bucket before that of each begins; NaN where
        nothing is known. See `Group.last_before`."""
        found = np.full(len(key), np.nan)
        there, place, _ = self._newest_place(key, as_of // self.grain)
        found[there] = self.bucket[place] * self.grain
        return found

    def _until(self, key: Ints, end: Ints, half_life_days: float | None) -> tuple[Floats, Floats]:
        known, positive = np.zeros(len(key)), np.zeros(len(key))
        there, last, _ = self._newest_place(key, end)
        if not len(last):
            return known, positive
        counts, sums = self._sums(half_life_days)
        weight = self._weights(end[there] - self.bucket[last], half_life_days)
        known[there], positive[there] = counts[last] * weight, sums[last] * weight
        return known, positive

    def _newest_place(self, key: Ints, end: Ints) -> tuple[Flags, Ints, Ints]:
        """For which of n keys something was observed before a bucket; for these, where the entry of
        the newest stands, and where those of its key begin."""
        if not len(self.key):
            nothing = np.empty(0, dtype=np.int64)
            return np.full(len(key), False), nothing, nothing
        keys, starts, low, span, places = self._index
        which = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        bounded = np.clip(end - low, 0, span - 1)
        place = np.searchsorted(places, which * span + bounded) - 1
        there = (keys[which] == key) & (place >= starts[which])
        return there, place[there], starts[which[there]]

    def _sums(self, half_life_days: float | None) -> tuple[Floats, Floats]:
        """The sums up to each bucket of its key, worked out for all keys bucket by bucket."""
        if half_life_days not in self._running:
            counts, sums = self.counts.copy(), self.sums.copy()
            gaps = np.diff(self.bucket, prepend=0)
            weights = self._weights(gaps, half_life_days)
            starts = self._index.starts
            lengths = np.diff(np.append(starts, len(self.key)))
            order = np.argsort(-lengths, kind="stable")
            falling = -lengths[order]
            for k in range(1, int(lengths.max(initial=0))):
                here = starts[order[: np.searchsorted(falling, -k)]] + k
                counts[here] += counts[here - 1] * weights[here]
                sums[here] += sums[here - 1] * weights[here]
            self._running[half_life_days] = counts, sums
        return self._running[half_life_days]

    def _weights(self, gaps: Ints, half_life_days: float | None) -> Floats:
        if half_life_days is None:
            return np.ones(len(gaps))
        rate = self._rate(half_life_days)
        found, place = np.unique(np.maximum(gaps, 0), return_inverse=True)
        return np.array([0.5 ** (gap * rate) for gap in found.tolist()])[place]

    def _rate(self, half_life_days: float | None) -> float:
        return 0.0 if half_life_days is None else self.grain / (half_life_days * DAY)


def _powers(base: float, exponents: Floats) -> Floats:
    return _each(exponents, lambda exponent: base**exponent)


def _each(values: Floats, of: Callable[[float], float]) -> Floats:
    """A function of each value, worked out once for equal ones by Python itself: NumPy's powers
    differ from it in the last bit."""
    found, place = np.unique(values, return_inverse=True)
    return np.array([of(value) for value in found.tolist()], dtype=np.float64)[place]


def _summed(columns: Columns) -> Columns:
    """One entry for each key and bucket, in their order; sums are exact, so in any order.

    The columns given are let go of one by one: of many groups they are the most that is held.
    """
    order = np.lexsort((columns[1], columns[0]))
    for n in range(len(columns)):
        columns[n] = columns[n][order]
    key, bucket, counts, sums = columns
    begins = np.flatnonzero((np.diff(key, prepend=-2) != 0) | (np.diff(bucket, prepend=-1) != 0))
    if not len(begins):
        return columns
    return [
        key[begins],
        bucket[begins],
        np.add.reduceat(counts, begins),
        np.add.reduceat(sums, begins),
    ]
