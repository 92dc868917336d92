"""Can what a model sees tell a protected attribute? A model need not be shown one to use it.

Each test deals the attribute anew to the people, and compares: exact for any number of people. It
sees what single features
tell, and sums of them; what only an interaction of several tells, it does not see.
"""

# SciPy carries no types: what comes from it is Any
# mypy: disable-error-code="import-untyped"

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from monitoring.deals import Floats, Ints, deals, p_values

FOLDS = 5
LEVELS = 4
PENALTY = 100.0
"""Of the ridge, in rows: a feature that tells nothing of fifty people must not look as if."""
MOST_PEOPLE = 1_000
"""Of more, a sample: it tells every proxy that matters."""


class Told(msgspec.Struct, frozen=True):
    """How well an attribute is told: the area under the ROC curve of the value that is told best
    from all others, never below .5, and how likely chance does as well."""

    auc: float
    p_value: float


class ProxyTest(msgspec.Struct, frozen=True):
    """What the inputs tell of one attribute.

    Attributes:
        together: by a ridge on ranks and quarters of all of them, on people held out.
        alone: each feature by itself; the p-values hold for all of them together.
    """

    together: Told
    alone: dict[str, Told]


def proxy_test(
    names: Sequence[str], inputs: Floats, group: Sequence[str], seed: int = 7
) -> ProxyTest:
    """Try to tell the groups from the inputs together, and from each of them.

    Args:
        inputs: (people, features), one row a person, NaN where missing; several rows of one person
            would make chance look like knowledge: average them first.

    Raises:
        ValueError: fewer than two groups, or than FOLDS people.
    """
    luck = np.random.default_rng(seed)
    keep = luck.permutation(len(group))[:MOST_PEOPLE]
    found, which = np.unique(np.asarray(group, dtype=str)[keep], return_inverse=True)
    if len(found) < 2 or len(which) < FOLDS:
        raise ValueError(f"{len(which)} people in {len(found)} groups: no test can be made of them")
    ranks, smooth = _ranks(inputs[keep]), _smoother(inputs[keep], np.arange(len(which)) % FOLDS)
    own = range(len(found) if len(found) > 2 else 1)
    seen = _tell(which[None], own, ranks, smooth)
    chances = p_values(
        _as_extreme(_tell(members, own, ranks, smooth), seen) for members in deals(which, luck)
    )
    mine = [which[None] == value for value in range(len(found))]
    single = np.max([np.abs(_aucs(people, ranks)[0] - 0.5) for people in mine], axis=0) + 0.5
    joint = max(0.5, *(float(_aucs_together(people, smooth)[0]) for people in mine))
    return ProxyTest(
        together=Told(joint, float(chances[0])),
        alone={
            name: Told(float(auc), float(p_value))
            for name, auc, p_value in zip(names, single, chances[1:], strict=True)
        },
    )


def _as_extreme(dealt: tuple[Floats, Floats], seen: tuple[Floats, Floats]) -> NDArray[np.bool_]:
    """(deals, 1 + columns): whether chance tells as well by all together, and, by the column that
    it tells best by, as well as each does."""
    together = dealt[0][:, None] >= seen[0] - 1e-12
    alone = dealt[1].max(axis=1, keepdims=True) >= seen[1] - 1e-12
    return np.hstack([together, alone])


def _tell(members: Ints, own: range, ranks: Floats, smooth: Floats) -> tuple[Floats, Floats]:
    """Of each deal, how well the group is told that is told best, in standard deviations of chance:
    by all columns together (deals), and by each alone (deals, columns). Of two groups, the one is
    told as well as the other."""
    together, alone = list[Floats](), list[Floats]()
    for value in own:
        mine = members == value
        n, people = int(mine[0].sum()), mine.shape[1]
        together.append(_z(_aucs_together(mine, smooth), n, people))
        alone.append(np.abs(_z(_aucs(mine, ranks), n, people)))
    return np.max(together, axis=0), np.max(alone, axis=0)


def _z(auc: Floats, own: int, people: int) -> Floats:
    """In standard deviations of chance: small and large groups made alike."""
    spread = np.sqrt((people + 1) / (12 * own * (people - own)))
    z: Floats = (auc - 0.5) / spread
    return z


def _ranks(inputs: Floats) -> Floats:
    """Each column's ranks; what is missing is last, which can tell too."""
    filled = np.where(np.isnan(inputs), np.inf, inputs)
    return np.asarray(rankdata(filled, axis=0), np.float64)


def _aucs(own: NDArray[np.bool_], ranks: Floats) -> Floats:
    """(deals, columns): how well each column tells the own people from the others."""
    n = own.sum(axis=1, keepdims=True)
    wins = own.astype(np.float64) @ ranks - n * (n + 1) / 2
    return np.asarray(wins / (n * (own.shape[1] - n)), np.float64)


def _aucs_together(own: NDArray[np.bool_], smooth: Floats) -> Floats:
    """(deals): how well the ridge tells them, fitted anew to each deal."""
    ranks = np.asarray(rankdata(own @ smooth.T, axis=1), np.float64)
    n = own.sum(axis=1)
    wins = (ranks * own).sum(axis=1) - n * (n + 1) / 2
    return np.asarray(wins / (n * (own.shape[1] - n)), np.float64)


def _smoother(inputs: Floats, fold: Ints) -> Floats:
    """(people, people): what the ridge fitted on the other folds says of each, as it is linear in
    the attribute: so one matrix serves all deals."""
    people = _levels(inputs)
    smooth = np.zeros((len(people), len(people)))
    for out in range(FOLDS):
        test, train = fold == out, fold != out
        centre = people[train].mean(axis=0)
        x, own = people[train] - centre, people[test] - centre
        solved = np.linalg.solve(x @ x.T + PENALTY * np.eye(len(x)), x @ own.T).T
        smooth[np.ix_(test, train)] = solved - solved.mean(axis=1, keepdims=True)
    return smooth


def _levels(inputs: Floats) -> Floats:
    """The ranks, standardised, in which quarter of its column a value is, and whether it is
    missing: not all that tells is linear."""
    ranks = _ranks(inputs)
    places = ranks / len(ranks)
    spread = ranks.std(axis=0)
    standard = (ranks - ranks.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    quarters = [(np.ceil(places * LEVELS) == level) for level in range(1, LEVELS + 1)]
    return np.hstack([standard, *quarters, np.isnan(inputs)]).astype(np.float64)
