"""Chance, made: an attribute dealt anew to the people, as often as a test asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

DEALS = 9_999
"""A p-value of 1 in 10,000 can be told: enough for a level of .01 over some dozens of tests."""
AT_ONCE = 500
ENOUGH = 50
"""Once chance has done as much so often, it is plain that it can: the p-value is told well enough
(Besag and Clifford, Sequential Monte Carlo p-values, Biometrika 78, 1991)."""

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def deals(which: Ints, luck: np.random.Generator) -> Iterator[Ints]:
    """The groups (n) of n people, DEALS times in another order: (up to AT_ONCE, n) at a time."""
    for part in range(0, DEALS, AT_ONCE):
        yield luck.permuted(np.tile(which, (min(AT_ONCE, DEALS - part), 1)), axis=1)


def p_values(as_extreme: Iterable[NDArray[np.bool_]]) -> Floats:
    """The p-values of k tests, from whether chance did as much in each of some deals (deals, k).

    Phipson and Smyth, Permutation P-values Should Never Be Zero, Stat. Appl. Genet. Mol. Biol. 9,
    2010.
    """
    hits, count = np.zeros(1), 0
    for some in as_extreme:
        hits, count = hits + some.sum(axis=0), count + len(some)
        if hits.min() >= ENOUGH:
            break
    return np.asarray((1 + hits) / (1 + count), np.float64)
