"""What was observed of the members of many groups, in columns: `firm.groups.Group` for all keys of
one declared group at once."""

from __future__ import annotations

import numpy as np

from firm.groups import STEPS
from firm.time import DAY, Micros
from training.rows import Floats, Ints


class Tallies:
    """Counts and sums by key and bucket, once no more of them come.

    Args:
        key, at, value: one observation each; `key` says of which group.
        grain: the width of the buckets.
    """

    def __init__(self, key: Ints, at: Ints, value: Floats, grain: Micros) -> None:
        steps = np.rint(value * STEPS) / STEPS
        self._set(*_summed(key, at // grain, np.ones(len(key)), steps))
        self.grain = grain

    def _set(self, key: Ints, bucket: Ints, counts: Floats, sums: Floats) -> None:
        self.key, self.bucket, self.counts, self.sums = key, bucket, counts, sums
        self.keys, self.starts = np.unique(key, return_index=True)
        self._low = int(bucket.min(initial=0))
        self._span = int(bucket.max(initial=0)) - self._low + 2
        self._place = np.searchsorted(self.keys, key) * self._span + bucket - self._low
        self._running: dict[float | None, tuple[Floats, Floats]] = {}

    def plus(self, other: Tallies) -> Tallies:
        """What both have observed."""
        mine, theirs = ((t.key, t.bucket, t.counts, t.sums) for t in (self, other))
        both = [np.concatenate(pair) for pair in zip(mine, theirs, strict=True)]
        found = Tallies(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), self.grain)
        found._set(*_summed(*both))
        return found

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

    def _until(self, key: Ints, end: Ints, half_life_days: float | None) -> tuple[Floats, Floats]:
        known, positive = np.zeros(len(key)), np.zeros(len(key))
        if not len(self.keys):
            return known, positive
        which = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
        bounded = np.clip(end - self._low, 0, self._span - 1)
        place = np.searchsorted(self._place, which * self._span + bounded) - 1
        there = (self.keys[which] == key) & (place >= self.starts[which])
        last = place[there]
        counts, sums = self._sums(half_life_days)
        weight = self._weights(end[there] - self.bucket[last], half_life_days)
        known[there], positive[there] = counts[last] * weight, sums[last] * weight
        return known, positive

    def _sums(self, half_life_days: float | None) -> tuple[Floats, Floats]:
        """The sums up to each bucket of its key, worked out for all keys bucket by bucket."""
        if half_life_days not in self._running:
            counts, sums = self.counts.copy(), self.sums.copy()
            gaps = np.diff(self.bucket, prepend=0)
            weights = self._weights(gaps, half_life_days)
            lengths = np.diff(np.append(self.starts, len(self.key)))
            order = np.argsort(-lengths, kind="stable")
            falling = -lengths[order]
            for k in range(1, int(lengths.max(initial=0))):
                here = self.starts[order[: np.searchsorted(falling, -k)]] + k
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


def _summed(
    key: Ints, bucket: Ints, counts: Floats, sums: Floats
) -> tuple[Ints, Ints, Floats, Floats]:
    """One entry for each key and bucket, in their order; sums are exact, so in any order."""
    order = np.lexsort((bucket, key))
    key, bucket = key[order], bucket[order]
    begins = np.flatnonzero((np.diff(key, prepend=-2) != 0) | (np.diff(bucket, prepend=-1) != 0))
    if not len(begins):
        return key, bucket, counts, sums
    return (
        key[begins],
        bucket[begins],
        np.add.reduceat(counts[order], begins),
        np.add.reduceat(sums[order], begins),
    )
