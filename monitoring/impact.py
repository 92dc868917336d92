"""Who is shown: each value's rate beside the highest, with tests fit for few people.

The impact ratio is a group's selection rate divided by that of the group with the highest one
(Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D, 1978: below four fifths is
generally taken for adverse impact; New York City's rules on Local Law 144, 6 RCNY 5-301, take the
same ratio). The Guidelines also ask whether the difference could be chance.
"""

# SciPy carries no types: what comes from it is Any
# mypy: disable-error-code="import-untyped"

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from monitoring.deals import Floats, Ints, deals, p_values

LEAST_PEOPLE = 5
"""Figures of fewer people would tell of single ones, and are not told."""


class GroupImpact(msgspec.Struct, frozen=True):
    """The people of one value: how many, how often they were shown of how often considered.

    Attributes:
        rate, ratio: of being shown, and to the highest rate of a value that is judged; None where
            there are too few people to tell.
        p_value: how likely chance alone makes the ratio so low; None where it is not judged: even
            if the people of this value had all fared worst, chance could have done it.
    """

    group: str
    people: int
    shown: int | None
    considered: int | None
    rate: float | None
    ratio: float | None
    p_value: float | None


def impact(
    group: Sequence[str],
    shown: Sequence[int],
    considered: Sequence[int],
    level: float,
    seed: int = 7,
) -> tuple[GroupImpact, ...]:
    """Compare groups; given for each person: group, times shown, times considered.

    The p-value is Fisher's exact one where people were considered once each and two groups are
    judged. Otherwise the groups are dealt anew to the people and the ratios compared: a person
    who is considered a hundred times is one person, and which group is the highest is left to
    chance as well.

    Raises:
        ValueError: somebody was never considered, or shown oftener than considered.
    """
    names, which = np.unique(np.asarray(group, dtype=str), return_inverse=True)
    taken, seen = np.asarray(shown, np.float64), np.asarray(considered, np.float64)
    if np.any(taken < 0) or np.any(seen < 1) or np.any(taken > seen):
        raise ValueError("each person has to be considered once or more, and shown no oftener")
    people = np.bincount(which, minlength=len(names))
    luck = np.random.default_rng(seed)
    dealt = (_rates(members, taken, seen, len(names)) for members in deals(which, luck))
    first = np.concatenate(list(islice(dealt, 2)))
    judged = [
        place
        for place in range(len(names))
        if people[place] >= LEAST_PEOPLE
        and _least_p(int(people[place]), taken, seen, first[:, place]) <= level
    ]
    rates = _rates(which[None], taken, seen, len(names))[0]
    chances = _p_values(rates, chain([first], dealt), judged)
    if len(judged) == 2 and len(names) == 2 and bool(np.all(seen == 1)):
        chances = {place: _fisher(which == place, taken) for place in judged}
    highest = float(rates[judged].max(initial=0.0))
    return tuple(
        _told(name, which == place, taken, seen, highest, chances.get(place))
        for place, name in enumerate(names.tolist())
    )


def holm(found: Mapping[str, float]) -> dict[str, float]:
    """P-values of several tests, made comparable with the chance of any false alarm.

    Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6, 1979.
    """
    adjusted, highest = {}, 0.0
    for place, name in enumerate(sorted(found, key=lambda name: found[name])):
        highest = max(highest, min(1.0, found[name] * (len(found) - place)))
        adjusted[name] = highest
    return {name: adjusted[name] for name in found}


def _rates(members: Ints, taken: Floats, seen: Floats, groups: int) -> Floats:
    """(deals, groups), of (deals, people)."""
    own = [(members == group).astype(np.float64) for group in range(groups)]
    return np.stack([(mine @ taken) / (mine @ seen) for mine in own], axis=1)


def _least_p(people: int, taken: Floats, seen: Floats, dealt: Floats) -> float:
    """The p-value if so many people were just those who fared worst."""
    worst = np.argsort(taken / seen, kind="stable")[:people]
    as_low = dealt <= taken[worst].sum() / seen[worst].sum() + 1e-12
    return float((1 + as_low.sum()) / (1 + len(as_low)))


def _p_values(rates: Floats, dealt: Iterable[Floats], judged: Sequence[int]) -> dict[int, float]:
    """Of each judged group's ratio, by place; nothing where nobody, or one group only, counts."""
    if len(judged) < 2 or not rates[judged].any():
        return {}
    ratios = _ratios(rates[None, judged])[0]
    found = p_values(_ratios(some[:, judged]) <= ratios + 1e-12 for some in dealt)
    return dict(zip(judged, found.tolist(), strict=True))


def _ratios(rates: Floats) -> Floats:
    highest = rates.max(axis=1, keepdims=True)
    ratios: Floats = np.ones_like(rates)
    np.divide(rates, highest, out=ratios, where=highest > 0)
    return ratios


def _fisher(own: NDArray[np.bool_], taken: Floats) -> float:
    table = [[float((taken[mask] == hit).sum()) for hit in (1, 0)] for mask in (own, ~own)]
    return float(fisher_exact(table, alternative="less").pvalue)


def _told(
    name: str,
    own: NDArray[np.bool_],
    taken: Floats,
    seen: Floats,
    highest: float,
    p_value: float | None,
) -> GroupImpact:
    people = int(own.sum())
    if people < LEAST_PEOPLE:
        return GroupImpact(name, people, None, None, None, None, None)
    shown, considered = int(taken[own].sum()), int(seen[own].sum())
    rate = shown / considered
    ratio = rate / highest if highest else None
    return GroupImpact(name, people, shown, considered, rate, ratio, p_value)
