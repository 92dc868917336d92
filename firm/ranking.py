"""Who could take a request: the candidates of a question, and the ranking that a decision keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from firm.candidates import Candidates
from firm.groups import Group
from firm.states import GroupState
from firm.vocabulary import Known
from firm.workflow import GroupBy, Row, Workflow

UNKNOWN, UNUSUAL = "unknown", "unusual"
OF_ITS_OWN = {
    UNKNOWN: "nothing was known of it by then",
    UNUSUAL: "enough others are given such requests more often",
}
"""Why somebody is left out whom no declared filter leaves out."""
NAMED = 3
"""So many candidates are named where an action is put into words."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """Somebody who is not left out: the features of the request with this candidate, and what the
    declared rule scores of them."""

    key: str
    row: Row
    by_rule: float


class Excluded(msgspec.Struct, frozen=True, gc=False):
    """Those whom one filter leaves out, and why, as it was declared then."""

    filter: str
    says: str
    candidates: tuple[str, ...]


class Considered(msgspec.Struct, frozen=True, gc=False):
    """The candidates of one question, before they are scored.

    Attributes:
        top: so many of them are kept.
        proposed: those whom the caller named, in order of name; None where it named nobody.
    """

    admitted: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]
    top: int
    proposed: tuple[str, ...] | None


class Ranked(msgspec.Struct, frozen=True, gc=False):
    """A candidate with the workflow's score of the request in these hands.

    Attributes:
        features: those that differ from the decision's own: with these it can be scored again.
    """

    candidate: str
    probability: float
    band: str
    features: dict[str, float | None]


class Ranking(msgspec.Struct, frozen=True, gc=False, tag_field="form", tag="ranking.1"):
    """Who could take the request, the best first. `form` names how it is written down: another
    way gets another name, and both are read.

    Attributes:
        ranked: the best of those who are not left out.
        admitted: how many these were in all.
        top: how many were asked for.
        proposed: those whom the caller named; None where they are those of the declared pool.
    """

    ranked: tuple[Ranked, ...]
    admitted: int
    excluded: tuple[Excluded, ...]
    top: int
    proposed: tuple[str, ...] | None = None


class _Held(Mapping[str, Group]):
    """The groups of a request in the hands of a candidate, each found when it is asked for: a
    filter reads one or two of dozens."""

    def __init__(
        self,
        known: Known,
        states: Mapping[str, GroupState],
        theirs: Mapping[str, GroupBy],
        texts: Mapping[str, str | None],
    ) -> None:
        self._own, self._states, self._theirs, self._texts = known.groups, states, theirs, texts

    def __getitem__(self, name: str) -> Group:
        if (group := self._theirs.get(name)) is None:
            return self._own[name]
        return self._states[group.id_of(self._texts) or ""].known

    def __iter__(self) -> Iterator[str]:
        return (name for name in {**self._own, **self._theirs} if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def candidates_of(workflow: Workflow) -> Candidates:
    """The declared candidates; raises ValueError where there are none."""
    if workflow.candidates is None:
        raise ValueError(f"{workflow.slug!r} declares no candidates")
    return workflow.candidates


def group_ids(workflow: Workflow, known: Known, keys: Iterable[str]) -> list[str]:
    """The ids of all groups that the request would belong to with each of these candidates."""
    text, texts = candidates_of(workflow).text, workflow.texts(known.entries)
    theirs = workflow.groups_with(text).values()
    found = (group.id_of({**texts, text: key}) for key in keys for group in theirs)
    return [id_ for id_ in found if id_ is not None]


def consider(
    workflow: Workflow,
    known: Known,
    states: Mapping[str, GroupState],
    pool: Iterable[str],
    proposed: Sequence[str] | None = None,
    top: int | None = None,
) -> Considered:
    """The candidates of a request as of `known.as_of`, those left out apart, in order of name.

    Args:
        states: by id, those of `group_ids`; of a group that is not there, nothing is known.
        pool: who has ever been observed; whoever had not been by then is passed over.
        proposed: look at these and no others, and tell all that speaks against each.
    """
    declared = candidates_of(workflow)
    held = {
        key: held_by(workflow, known, states, key)
        for key in sorted(set(pool if proposed is None else proposed))
    }
    seen = {key: with_it for key, with_it in held.items() if _observed(declared, with_it)}
    out: dict[str, list[str]] = {}
    for key, with_it in seen.items():
        for name in islice(_against(declared, with_it), 1 if proposed is None else None):
            out.setdefault(name, []).append(key)
    left_out = {key for keys in out.values() for key in keys}
    admitted = {key: with_it for key, with_it in seen.items() if key not in left_out}
    row, columns = workflow.row(known), workflow.columns_with(declared.text)
    if proposed is None:
        admitted, out[UNUSUAL] = _most_usual(declared, admitted)
    else:
        out[UNKNOWN] = sorted(held.keys() - seen.keys())
    return Considered(
        admitted=tuple(
            Candidate(key, _row(workflow, row, columns, with_it), workflow.rule(with_it) or 0.0)
            for key, with_it in admitted.items()
        ),
        excluded=tuple(_excluded(declared, out)),
        top=declared.top if top is None else top,
        proposed=None if proposed is None else tuple(held),
    )


def rank(
    workflow: Workflow, considered: Considered, row: Row, probabilities: Sequence[float]
) -> Ranking:
    """The best of the admitted candidates, from the probability of each in their order; among
    equals the order is that of their names. `row` is the decision's own."""
    fit, names = candidates_of(workflow).fit, workflow.feature_names
    scored = zip(considered.admitted, probabilities, strict=True)
    best = sorted(scored, key=lambda one: (-fit(one[1]), one[0].key))[: considered.top]
    ranked = tuple(
        Ranked(
            candidate=candidate.key,
            probability=probability,
            band=workflow.policy.band(probability).name,
            features={
                name: value
                for name, value, own in zip(names, candidate.row, row, strict=True)
                if value != own
            },
        )
        for candidate, probability in best
    )
    return Ranking(
        ranked=ranked,
        admitted=len(considered.admitted),
        excluded=considered.excluded,
        top=considered.top,
        proposed=considered.proposed,
    )


def in_words(workflow: Workflow, ranking: Ranking) -> str:
    """The first of a ranking, for whoever is asked to act; nothing where it is empty."""
    fit = candidates_of(workflow).fit
    best = ", ".join(f"{r.candidate} ({fit(r.probability):.0%})" for r in ranking.ranked[:NAMED])
    return f" Would suit best: {best}." if best else ""


def held_by(workflow: Workflow, known: Known, states: Mapping[str, GroupState], key: str) -> Known:
    """What would be known of the request if it had this candidate."""
    text, newest = candidates_of(workflow).text, known.entries[-1]
    entry = msgspec.structs.replace(newest, values={**newest.values, text: key})
    texts = {**workflow.texts(known.entries), text: key}
    groups = _Held(known, states, workflow.groups_with(text), texts)
    return Known(known.as_of, [*known.entries[:-1], entry], groups)


def _row(workflow: Workflow, own: Row, columns: Sequence[int], held: Known) -> Row:
    """The request's own features, those computed anew that may change with the candidate."""
    row = list(own)
    for column in columns:
        row[column] = workflow.features[column].of(held)
    return tuple(row)


def _observed(declared: Candidates, held: Known) -> bool:
    group = held.groups.get(declared.pool)
    return group is not None and group.last_before(held.as_of) is not None


def _against(declared: Candidates, held: Known) -> Iterator[str]:
    return (one.name for one in declared.filters if not one.allows(held))


def _most_usual(
    declared: Candidates, admitted: Mapping[str, Known]
) -> tuple[dict[str, Known], list[str]]:
    """Those who are given such requests most often, and the others; both in order of name."""
    usual = {key: declared.usual(with_it) or 0.0 for key, with_it in admitted.items()}
    most = set(sorted(admitted, key=lambda key: (-usual[key], key))[: declared.most])
    others = [key for key in admitted if key not in most]
    return {key: admitted[key] for key in admitted if key in most}, others


def _excluded(declared: Candidates, out: Mapping[str, Sequence[str]]) -> Iterator[Excluded]:
    says = OF_ITS_OWN | {one.name: one.says for one in declared.filters}
    return (Excluded(name, says[name], tuple(out[name])) for name in says if out.get(name))
