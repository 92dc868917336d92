"""Can what a model sees tell a protected attribute? A model need not be shown one to use it.

Each test deals the attribute anew to the people, and compares: exact for any number of people
(Phipson and Smyth, Permutation P-values Should Never Be Zero, 2010). It sees what single features
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

SHUFFLES = 999
FOLDS = 5
LEVELS = 4
PENALTY = 10.0
"""Of the ridge, in rows: a feature that tells nothing of fifty people must not look as if."""

Floats = NDArray[np.float64]


class Association(msgspec.Struct, frozen=True):
    """How much of the variance of a column's ranks the groups explain (0 to 1: the epsilon squared
    of Kruskal and Wallis' H), and how likely that is by chance."""

    explained: float
    p_value: float


class ProxyTest(msgspec.Struct, frozen=True):
    """What the inputs tell of one attribute.

    Attributes:
        auc: of the group that is told best from all others, on people held out.
        features: each alone; the p-values hold for all of them together.
        score: within each outcome, so what remains is not explained by what truly happened.
    """

    auc: float
    p_value: float
    features: dict[str, Association]
    score: Association


def proxy_test(
    names: Sequence[str],
    inputs: Floats,
    group: Sequence[str],
    score: Floats,
    outcome: Floats,
    seed: int = 7,
) -> ProxyTest:
    """Try to tell the groups from the inputs, from each of them, and from the score.

    Args:
        inputs: (people, features), one row a person, NaN where missing; several rows of one person
            would make chance look like knowledge: average them first.
        score, outcome: (people,).

    Raises:
        ValueError: fewer than two groups, or than FOLDS people.
    """
    found, which = np.unique(np.asarray(group, dtype=str), return_inverse=True)
    if len(found) < 2 or len(which) < FOLDS:
        raise ValueError(f"{len(which)} people in {len(found)} groups: no test can be made of them")
    luck = np.random.default_rng(seed)
    dealt = np.argsort(luck.random((SHUFFLES, len(which))), axis=1)
    members = np.concatenate([which[None], which[dealt]])
    aucs = _aucs(inputs, members, len(found), luck.permutation(len(which)) % FOLDS)
    alone = _explained(_ranks(inputs), members, len(found))
    within = _within(outcome, luck)
    inside = np.concatenate([which[None], which[within]])
    scored = _explained(_centred(score, outcome), inside, len(found))
    highest = alone.max(axis=1)
    return ProxyTest(
        auc=float(aucs[0]),
        p_value=_chance(aucs),
        features={
            name: Association(float(alone[0, i]), _chance(np.append(alone[0, i], highest[1:])))
            for i, name in enumerate(names)
        },
        score=Association(float(scored[0, 0]), _chance(scored[:, 0])),
    )


def _chance(figures: Floats) -> float:
    """The first is what was seen, the others what chance made."""
    return float((1 + (figures[1:] >= figures[0] - 1e-12).sum()) / len(figures))


def _ranks(inputs: Floats) -> Floats:
    """Each column's ranks, of mean 0 and length 1; what is missing is last, which can tell too."""
    filled = np.where(np.isnan(inputs), np.inf, inputs)
    ranks = np.asarray(rankdata(filled, axis=0), np.float64)
    ranks -= ranks.mean(axis=0)
    length = np.linalg.norm(ranks, axis=0)
    ranks[:, length > 0] /= length[length > 0]
    return ranks


def _centred(score: Floats, outcome: Floats) -> Floats:
    """The score's ranks within each outcome, as one column."""
    ranks = np.zeros((len(score), 1))
    for value in np.unique(outcome):
        rows = outcome == value
        own = np.asarray(rankdata(score[rows]), np.float64)
        ranks[rows, 0] = (own - own.mean()) / rows.sum()
    length = np.linalg.norm(ranks)
    return ranks / length if length else ranks


def _within(outcome: Floats, luck: np.random.Generator) -> NDArray[np.intp]:
    """Deals that move people only among those with the same outcome."""
    dealt = np.tile(np.arange(len(outcome)), (SHUFFLES, 1))
    for value in np.unique(outcome):
        rows = np.flatnonzero(outcome == value)
        dealt[:, rows] = rows[np.argsort(luck.random((SHUFFLES, len(rows))), axis=1)]
    return dealt


def _explained(columns: Floats, members: NDArray[np.intp], groups: int) -> Floats:
    """(deals, columns): the variance between groups, as a share; columns have length 1."""
    between = np.zeros((len(members), columns.shape[1]))
    for group in range(groups):
        own = (members == group).astype(np.float64)
        between += (own @ columns) ** 2 / own.sum(axis=1, keepdims=True)
    return between


def _levels(inputs: Floats) -> Floats:
    """The ranks, and in which quarter of its column a value is: not all that tells is linear."""
    ranks = _ranks(inputs)
    places = np.asarray(rankdata(ranks, axis=0), np.float64) / len(ranks)
    quarters = [(np.ceil(places * LEVELS) == level) for level in range(1, LEVELS + 1)]
    return np.hstack([ranks * np.sqrt(len(ranks)), *quarters, np.isnan(inputs)]).astype(np.float64)


def _aucs(inputs: Floats, members: NDArray[np.intp], groups: int, fold: NDArray[np.intp]) -> Floats:
    """Per deal: a ridge fitted on the other folds, so linear in the attribute that one matrix
    serves all deals; the best AUC of one group against all others."""
    people = _levels(inputs)
    smooth = np.zeros((len(people), len(people)))
    for out in range(FOLDS):
        test, train = fold == out, fold != out
        centre = people[train].mean(axis=0)
        x, own = people[train] - centre, people[test] - centre
        solved = np.linalg.solve(x @ x.T + PENALTY * np.eye(len(x)), x @ own.T).T
        smooth[np.ix_(test, train)] = solved - solved.mean(axis=1, keepdims=True)
    best = np.zeros(len(members))
    for group in range(groups):
        own = (members == group).astype(np.float64)
        ranks = np.asarray(rankdata(own @ smooth.T, axis=1), np.float64)
        n = own.sum(axis=1)
        wins = (ranks * own).sum(axis=1) - n * (n + 1) / 2
        best = np.maximum(best, wins / (n * (len(people) - n)))
    return best
