"""Who is selected: the rate of each group beside the highest, with tests fit for few people.

The impact ratio is a group's selection rate divided by that of the group with the highest one
(Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D, 1978: below four fifths is
generally taken for adverse impact; New York City's rules on Local Law 144, 6 RCNY 5-301, take the
same ratio). The Guidelines also ask whether the difference could be chance.
"""

# SciPy carries no types: what comes from it is Any
# mypy: disable-error-code="import-untyped"

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from monitoring.rates import Rate, rate

FOUR_FIFTHS = 0.8
SHUFFLES = 1_999

Counts = NDArray[np.float64]


class GroupImpact(msgspec.Struct, frozen=True):
    """One group: how many people it has, how often they were selected of how often considered.

    Attributes:
        interval: Wilson's, of the rate; None where people were considered more than once, for
            then the cases are not independent.
        ratio: of its rate to the highest group's; None where nobody was selected.
    """

    group: str
    people: int
    selected: int
    considered: int
    rate: float
    interval: tuple[float, float] | None
    ratio: float | None


class Impact(msgspec.Struct, frozen=True):
    """The groups of one attribute.

    Attributes:
        least_ratio: the lowest of the groups' ratios; None where there is none to compare.
        p_value: how likely chance alone makes the groups differ so; see `impact`.
    """

    groups: tuple[GroupImpact, ...]
    least_ratio: float | None
    p_value: float


def impact(
    group: Sequence[str], selected: Sequence[int], considered: Sequence[int], seed: int = 7
) -> Impact:
    """Compare groups; given for each person: group, times selected, times considered.

    The p-value is Fisher's exact one for two groups of people considered once each. Otherwise the
    groups are dealt anew to the people and the least ratios compared: a person who is considered a
    hundred times is one person, and which group is the highest is left to chance as well.
    """
    names, which = np.unique(np.asarray(group, dtype=str), return_inverse=True)
    chosen, seen = np.asarray(selected, np.float64), np.asarray(considered, np.float64)
    if np.any(chosen < 0) or np.any(seen < 1) or np.any(chosen > seen):
        raise ValueError("each person has to be considered once or more, and selected no oftener")
    own = np.eye(len(names))[which]
    once = bool(np.all(seen == 1))
    ratios = _ratios(own[None], chosen, seen)[0]
    if len(names) < 2 or not chosen.any():
        return Impact(_groups(names, own, chosen, seen, None, once=once), None, 1.0)
    if once and len(names) == 2:
        taken = own.T @ chosen
        p_value = float(fisher_exact([taken, own.sum(axis=0) - taken]).pvalue)
    else:
        p_value = _dealt_anew(own, chosen, seen, float(ratios.min()), seed)
    groups = _groups(names, own, chosen, seen, ratios, once=once)
    return Impact(groups, float(ratios.min()), p_value)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values of several tests, made comparable with the chance of any false alarm.

    Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6, 1979.
    """
    adjusted, highest = {}, 0.0
    for place, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        highest = max(highest, min(1.0, p_values[name] * (len(p_values) - place)))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def _ratios(own: NDArray[np.float64], chosen: Counts, seen: Counts) -> NDArray[np.float64]:
    """Per deal and group; `own` has the shape (deals, people, groups)."""
    rates = np.einsum("dpg,p->dg", own, chosen) / np.einsum("dpg,p->dg", own, seen)
    highest = rates.max(axis=1, keepdims=True)
    ratios: NDArray[np.float64] = np.ones_like(rates)
    np.divide(rates, highest, out=ratios, where=highest > 0)
    return ratios


def _dealt_anew(
    own: NDArray[np.float64], chosen: Counts, seen: Counts, least: float, seed: int
) -> float:
    luck = np.random.default_rng(seed)
    order = np.argsort(luck.random((SHUFFLES, len(own))), axis=1)
    as_low = _ratios(own[order], chosen, seen).min(axis=1) <= least + 1e-12
    return float((1 + as_low.sum()) / (1 + SHUFFLES))


def _groups(
    names: NDArray[np.str_],
    own: NDArray[np.float64],
    chosen: Counts,
    seen: Counts,
    ratios: NDArray[np.float64] | None,
    *,
    once: bool,
) -> tuple[GroupImpact, ...]:
    people, taken, of = own.sum(axis=0), own.T @ chosen, own.T @ seen
    return tuple(
        GroupImpact(
            group=str(name),
            people=int(people[i]),
            selected=int(taken[i]),
            considered=int(of[i]),
            rate=float(taken[i] / of[i]),
            interval=_interval(rate(int(taken[i]), int(of[i]))) if once else None,
            ratio=None if ratios is None else float(ratios[i]),
        )
        for i, name in enumerate(names)
    )


def _interval(of: Rate | None) -> tuple[float, float] | None:
    return None if of is None else (of.low, of.high)
