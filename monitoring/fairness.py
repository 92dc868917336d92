"""Does a workflow treat those whom it ranks alike? All that is asked of a version, in one answer.

Two questions, by each protected attribute: are people with one value shown less often than others,
and do the features tell who has it? What is found has to be large and beyond chance; the chance
that anything is found of a fair version is the declared level, over all tests together (Holm).
Only figures of LEAST_PEOPLE people or more stand in the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from firm.fairness import Fairness, Protected
from monitoring.impact import LEAST_PEOPLE, GroupImpact, holm, impact
from monitoring.proxies import ProxyTest, proxy_test

Basis = Literal["scored", "known"]
BASES: Mapping[Basis, str] = {
    "scored": "of those that were scored",
    "known": "of all that were known, those left out by a rule included",
}
KNOWN_SHARE = 0.5
"""Of the candidates, whose attribute has to be on record for anything to be said of all."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The n candidates of many rankings: how often each was known, scored and shown, and the means
    of what was seen of each (n, features), where features are looked at."""

    names: tuple[str, ...]
    known: NDArray[np.int64]
    scored: NDArray[np.int64]
    shown: NDArray[np.int64]
    features: tuple[str, ...] = ()
    inputs: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What the vault says: of each attribute, the value of each candidate that has one there.

    `source` says where it comes from: "on record", or "simulated, seed 7".
    """

    source: str
    values: Mapping[str, Mapping[str, str]]


class OfAttribute(msgspec.Struct, frozen=True):
    """What was found by one attribute.

    Attributes:
        unknown: of how many candidates it is not on record; they are in no figure.
        impacts: by basis, see BASES.
        proxies: None where no features were looked at, or of too few people.
        findings: in words, each a reason not to let the version decide; empty where it is fair as
            far as can be told.
    """

    name: str
    unknown: int
    impacts: dict[Basis, tuple[GroupImpact, ...]]
    proxies: ProxyTest | None
    findings: tuple[str, ...]


class FairnessReport(msgspec.Struct, frozen=True):
    """The answer for one version.

    Attributes:
        source: where the attributes come from; simulated ones say nothing of real people.
        rankings, candidates: how many it rests on.
        adjusted: the p-value of every test, made comparable with `level` (Holm).
    """

    source: str
    of: str
    rankings: int
    candidates: int
    top: int
    impact_ratio: float
    proxy_auc: float
    level: float
    attributes: tuple[OfAttribute, ...]
    adjusted: dict[str, float]

    @property
    def findings(self) -> tuple[str, ...]:
        """Everything that was found, in words."""
        return tuple(words for one in self.attributes for words in one.findings)


def judge(
    declared: Fairness, seen: Candidates, on_record: OnRecord, rankings: int, seed: int = 7
) -> FairnessReport:
    """Hold what was seen of the candidates to the declared limits, by each attribute."""
    measured = {
        one.name: _measure(one, declared, seen, on_record, seed) for one in declared.attributes
    }
    adjusted = holm({name: p for one in measured.values() for name, p in one.tests()})
    return FairnessReport(
        source=on_record.source,
        of=declared.of,
        rankings=rankings,
        candidates=len(seen.names),
        top=declared.top,
        impact_ratio=declared.impact_ratio,
        proxy_auc=declared.proxy_auc,
        level=declared.level,
        attributes=tuple(_judged(one, declared, adjusted) for one in measured.values()),
        adjusted=adjusted,
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """The figures of one attribute, before any is judged."""

    name: str
    unknown: int
    people: int
    impacts: dict[Basis, tuple[GroupImpact, ...]]
    proxies: ProxyTest | None

    def tests(self) -> Iterator[tuple[str, float]]:
        for basis, groups in self.impacts.items():
            for one in groups:
                if one.p_value is not None:
                    yield impact_test(self.name, basis, one.group), one.p_value
        if self.proxies is not None:
            yield proxy_test_of(self.name), self.proxies.together.p_value
            strongest = min(one.p_value for one in self.proxies.alone.values())
            yield proxy_test_of(self.name, "one feature"), strongest


def impact_test(attribute: str, basis: Basis, value: str) -> str:
    """The name of a test in `FairnessReport.adjusted`."""
    return f"impact {attribute} {value} {basis}"


def proxy_test_of(attribute: str, by: str = "all features") -> str:
    """The name of a test in `FairnessReport.adjusted`."""
    return f"proxy {attribute} {by}"


def _measure(
    one: Protected, declared: Fairness, seen: Candidates, on_record: OnRecord, seed: int
) -> _Measured:
    values = on_record.values.get(one.name, {})
    has = np.array([name in values for name in seen.names], dtype=np.bool_)
    own = np.array([values.get(name, "") for name in seen.names])
    counts: dict[Basis, NDArray[np.int64]] = {"scored": seen.scored, "known": seen.known}
    impacts = {}
    for basis, considered in counts.items():
        keep = has & (considered > 0)
        impacts[basis] = impact(
            own[keep].tolist(),
            seen.shown[keep].tolist(),
            considered[keep].tolist(),
            declared.level,
            seed,
        )
    proxies = _proxies(seen, has & (seen.scored > 0), own, seed)
    return _Measured(one.name, int((~has).sum()), int(has.sum()), impacts, proxies)


def _proxies(
    seen: Candidates, has: NDArray[np.bool_], own: NDArray[np.str_], seed: int
) -> ProxyTest | None:
    if seen.inputs is None or not seen.features:
        return None
    sizes = Counter(own[has].tolist())
    enough = [value for value, people in sizes.items() if people >= LEAST_PEOPLE]
    if len(enough) < 2:
        return None
    keep = has & np.isin(own, enough)
    return proxy_test(seen.features, seen.inputs[keep], own[keep].tolist(), seed)


def _judged(one: _Measured, declared: Fairness, adjusted: Mapping[str, float]) -> OfAttribute:
    found = [
        *_unrecorded(one),
        *(
            words
            for basis, groups in one.impacts.items()
            for words in _adverse(one.name, basis, groups, declared, adjusted)
        ),
        *(_stand_ins(one.name, one.proxies, declared, adjusted) if one.proxies else ()),
    ]
    return OfAttribute(one.name, one.unknown, one.impacts, one.proxies, tuple(found))


def _unrecorded(one: _Measured) -> Iterator[str]:
    total = one.people + one.unknown
    if not total or one.people < KNOWN_SHARE * total:
        yield f"{one.name} is on record for {one.people} of {total} candidates: nothing can be said"


def _adverse(
    name: str,
    basis: Basis,
    groups: Sequence[GroupImpact],
    declared: Fairness,
    adjusted: Mapping[str, float],
) -> Iterator[str]:
    for one in groups:
        p_value = adjusted.get(impact_test(name, basis, one.group), 1.0)
        if one.ratio is not None and one.ratio < declared.impact_ratio and p_value < declared.level:
            yield (
                f"{name} {one.group}: shown {one.ratio:.2f} times as often as those shown most, "
                f"{BASES[basis]} ({one.shown:,} of {one.considered:,}, {one.people} people; "
                f"chance: p = {p_value:.4f})"
            )


def _stand_ins(
    name: str, proxies: ProxyTest, declared: Fairness, adjusted: Mapping[str, float]
) -> Iterator[str]:
    together, limit = proxies.together, declared.proxy_auc
    alone = adjusted[proxy_test_of(name, "one feature")] < declared.level
    named = stand_ins(proxies, limit, declared.level) if alone else []
    if named:
        yield f"{name} is told by " + ", ".join(
            f"{feature} (AUC {proxies.alone[feature].auc:.2f})" for feature in named
        )
    if together.auc > limit and adjusted[proxy_test_of(name)] < declared.level:
        yield f"{name} is told by the features together (AUC {together.auc:.2f})"


def stand_ins(proxies: ProxyTest, auc: float, level: float) -> list[str]:
    """The features that by themselves tell the attribute better than this and beyond chance, the
    best first."""
    strong = [
        (one.auc, feature)
        for feature, one in proxies.alone.items()
        if one.auc > auc and one.p_value < level
    ]
    return [feature for _, feature in sorted(strong, reverse=True)]
