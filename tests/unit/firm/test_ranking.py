"""Who could take a request: who is looked at, who is left out and why, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from firm.candidates import Candidates, Filter
from firm.decision import Decision, as_json
from firm.events import Event
from firm.exceptions import exceptions
from firm.groups import Group
from firm.handlers import ask, score
from firm.ranking import Ranking, consider, group_ids
from firm.react import react
from firm.states import GroupState, States, SubjectState, known_as_of
from firm.time import DAY
from firm.vocabulary import days_since_known, known_count, known_total
from firm.workflow import Workflow
from tests.unit.firm.samples import (
    DECLARATION,
    NOW,
    START,
    P,
    Summing,
    arriving,
    bookings,
    histories,
    report,
    reports,
    request,
)

DECLARED: dict[str, Any] = {
    "text": "owner",
    "pool": "owner",
    "filters": (
        Filter(
            name="inactive",
            says="has had no outcome in 100 days",
            allows=known_count("owner", within_days=100),
        ),
        Filter(name="unlucky", says="never came true", allows=known_total("owner")),
    ),
    "prefers": "low",
    "usual": known_count("owner"),
    "taken_by": lambda entries: None,
    "approval": "delivery_director",
    "stream": "all",
}


def declaring(**changed: Any) -> Workflow:
    return Workflow(**DECLARATION | {"candidates": Candidates(**DECLARED | changed)})


RANKING = declaring()
SLIPS = [
    *(report(f"a{n}", n * 10, "project:a", forecast=100 + n, owner="A") for n in range(3)),
    *(report(f"b{n}", n * 10, "project:b", forecast=100 + n, owner="B") for n in range(4)),
    *(report(f"c{n}", n * 10, "project:c", forecast=100, owner="C") for n in range(3)),
    report("new", 50, P, forecast=500, owner="A"),
]
"""A's and B's reports come true, C's do not; all are known by day 50, of which P asks."""


def decided(workflow: Workflow, events: Sequence[Event]) -> list[Decision]:
    return react(workflow, arriving(*events), States(), Summing(), NOW).decisions


def ranking_of(workflow: Workflow = RANKING, events: Sequence[Event] = SLIPS) -> Ranking:
    """The ranking of the newest decision."""
    found = decided(workflow, events)[-1].ranking
    assert found is not None
    return found


def states_of(events: Sequence[Event] = SLIPS) -> States:
    states = States()
    react(RANKING, arriving(*events), states, None, NOW)
    return states


def proposing(states: States, *keys: str, day: float = 50) -> Decision:
    known = states.known(RANKING, P, START + round(day * DAY))
    considered = consider(RANKING, known, states.groups, [], keys)
    evidence = decided(RANKING, SLIPS)[-1].evidence
    asked = ask(RANKING, P, known, evidence, "c", "http", considered=considered)
    return score(RANKING, [asked], Summing(), NOW)[0]


def left_out(ranking: Ranking) -> dict[str, tuple[str, ...]]:
    return {one.filter: one.candidates for one in ranking.excluded}


def test_who_fails_a_filter_is_left_out_with_the_first_reason() -> None:
    ranking = ranking_of()
    assert {one.candidate for one in ranking.ranked} == {"A", "B"}
    assert left_out(ranking) == {"unlucky": ("C",)}
    assert ranking.excluded[0].says == "never came true"
    late = ranking_of(events=[*SLIPS, report("later", 300, P, owner="A")])
    assert left_out(late) == {"inactive": ("A", "B", "C")}, "C fails both filters"


def test_a_candidate_is_scored_as_if_it_had_the_request() -> None:
    """The score of B is that of the same request given to B at once."""
    given_to_b = [*SLIPS[:-1], report("new", 50, P, forecast=500, owner="B")]
    asked, other = decided(RANKING, SLIPS)[-1], decided(RANKING, given_to_b)[-1]
    assert asked.ranking is not None
    b = next(one for one in asked.ranking.ranked if one.candidate == "B")
    assert b.probability == other.probability
    assert asked.features | b.features == other.features
    a = next(one for one in asked.ranking.ranked if one.candidate == "A")
    assert (a.features, a.probability) == ({}, asked.probability)


class Rates:
    """Scores a row by one of its features."""

    version = "rates"
    column = RANKING.feature_names.index("owner_rate")

    def predict(self, rows: Sequence[Any]) -> list[float]:
        return [row[self.column] or 0.0 for row in rows]


@pytest.mark.parametrize(
    ("prefers", "first"), [("low", ["C", "A", "B"]), ("high", ["B", "A", "C"])]
)
def test_the_best_come_first_as_it_is_declared(prefers: str, first: list[str]) -> None:
    workflow = declaring(prefers=prefers, filters=())
    effects = react(workflow, arriving(*SLIPS), States(), Rates(), NOW)
    ranking = effects.decisions[-1].ranking
    assert ranking is not None
    assert [one.candidate for one in ranking.ranked] == first


def test_among_equals_the_order_is_that_of_their_names_and_only_the_top_is_kept() -> None:
    ranking = ranking_of(declaring(filters=(), top=2))
    assert ([one.candidate for one in ranking.ranked], ranking.admitted) == (["A", "B"], 3)


def test_no_more_are_scored_than_declared_and_those_are_the_most_usual() -> None:
    ranking = ranking_of(declaring(filters=(), most=1))
    assert [one.candidate for one in ranking.ranked] == ["B"]
    assert left_out(ranking) == {"unusual": ("A", "C")}


def test_nobody_is_a_candidate_before_the_day_after_it_was_first_observed() -> None:
    early = ranking_of(events=[*SLIPS[:8], report("new", 10.5, P, forecast=500, owner="A")])
    assert (early.ranked, early.excluded) == ((), ())


def test_what_comes_later_changes_no_ranking() -> None:
    known = states_of().known(RANKING, P, START + 50 * DAY)
    later = [report(f"z{n}", 60 + n, "project:z", forecast=100 + n, owner="Z") for n in range(3)]
    now, then = (
        consider(RANKING, known, states.groups, states.keys("owner"))
        for states in (states_of(), states_of([*SLIPS, *later]))
    )
    assert now == then


@settings(deadline=None)
@given(histories(reports, bookings), st.randoms(use_true_random=False), st.integers(1, 5))
def test_a_ranking_depends_on_neither_order_nor_batches(
    events: list[Event], random: Any, size: int
) -> None:
    """As of the end of the log, in whatever order and batches it came."""
    shuffled = random.sample(events, len(events))
    at = max(event.occurred_at for event in events) + 200 * DAY
    ways: list[list[bytes]] = []
    for order, step in ((events, len(events)), (shuffled, size)):
        states = States()
        for start in range(0, len(order), step):
            react(RANKING, arriving(*order[start : start + step]), states, None, NOW)
        ways.append(
            [
                as_json(consider(RANKING, known, states.groups, states.keys("owner")))
                for subject in sorted(states.subjects)
                for known in [states.known(RANKING, states.subject(subject).subject, at)]
            ]
        )
    assert ways[0] == ways[1]


def test_a_batch_gives_each_event_the_ranking_of_its_own_instant() -> None:
    whole = decided(RANKING, SLIPS)
    states, one_by_one = States(), list[Decision]()
    for arrival in arriving(*SLIPS):
        one_by_one += react(RANKING, [arrival], states, Summing(), NOW).decisions
    assert whole == one_by_one


def test_only_the_groups_that_are_named_beforehand_are_needed() -> None:
    states = states_of()
    known = states.known(RANKING, P, START + 50 * DAY)
    ids = group_ids(RANKING, known, ["A", "B", "C"])
    needed = {id_: states.groups[id_] for id_ in ids}
    keys = states.keys("owner")
    whole = consider(RANKING, known, states.groups, keys)
    assert consider(RANKING, known, needed, keys) == whole
    assert ids == ["owner:A", "owner:B", "owner:C"]


def test_on_the_stream_only_requests_are_ranked_unless_all_are_declared() -> None:
    events = [*SLIPS, request("asked", 51)]
    *rest, answer = decided(declaring(stream="requests"), events)
    assert [one.ranking for one in rest] == [None] * len(rest)
    assert answer.ranking is not None
    assert all(one.ranking for one in decided(RANKING, events))


def test_who_is_proposed_is_looked_at_and_no_other_with_all_that_speaks_against_it() -> None:
    found = proposing(states_of(), "B", "C", "nobody", day=200).ranking
    assert found is not None
    assert found.ranked == ()
    assert left_out(found) == {
        "unknown": ("nobody",),
        "inactive": ("B", "C"),
        "unlucky": ("C",),
    }


def test_a_proposal_that_the_rules_leave_out_waits_for_a_person() -> None:
    decision = proposing(states_of(), "B", "C")
    (action,) = exceptions(RANKING, decision)
    assert (action.approval, action.decision) == ("delivery_director", decision.id)
    assert action.says.endswith("C: never came true.")
    assert exceptions(RANKING, proposing(states_of(), "B")) == []
    assert exceptions(RANKING, decided(RANKING, SLIPS)[-1]) == [], "nobody proposed C"


def test_whoever_is_asked_to_act_is_told_who_would_suit() -> None:
    effects = react(RANKING, arriving(*SLIPS), States(), Rates(), NOW)
    told = {one.says for one in effects.actions if one.decision == effects.decisions[-1].id}
    assert told == {
        "Have a look. Would suit best: A (36%), B (33%).",
        "Move it. Would suit best: A (36%), B (33%).",
    }


def test_a_decision_without_a_ranking_is_written_as_before_and_read_again() -> None:
    plain = decided(Workflow(**DECLARATION), SLIPS)[-1]
    ranked = decided(RANKING, SLIPS)[-1]
    assert b"ranking" not in as_json(plain)
    assert msgspec.structs.replace(ranked, ranking=None) == plain
    assert b'"form":"ranking.1"' in as_json(ranked)
    assert msgspec.json.decode(as_json(ranked), type=Decision) == ranked


@given(histories(reports, bookings))
def test_only_features_that_may_change_with_the_candidate_are_computed_anew(
    events: list[Event],
) -> None:
    """The others are those of the request itself, to the last bit."""
    workflow, states = declaring(filters=()), states_of(events)
    at = max(event.occurred_at for event in events) + 5 * DAY
    for subject in sorted(states.subjects):
        known = states.known(workflow, states.subject(subject).subject, at)
        for one in consider(workflow, known, states.groups, states.keys("owner")).admitted:
            newest = known.entries[-1]
            entry = msgspec.structs.replace(newest, values={**newest.values, "owner": one.key})
            state = SubjectState(known_subject := states.subject(subject).subject)
            state.history.entries = [*known.entries[:-1], entry]
            with_it = known_as_of(workflow, known_subject, state, states.groups, at)
            assert one.row == workflow.row(with_it)


def test_all_that_is_wrong_with_candidates_is_said_at_once() -> None:
    twice = (DECLARED["filters"][0],) * 2
    with pytest.raises(ValidationError) as raised:
        declaring(pool="team", filters=twice, usual=known_count("crew"))
    assert "filter 'inactive' is declared twice" in str(raised.value)
    assert "usual reads the group 'crew', which is not declared" in str(raised.value)
    assert "the pool 'team' of its candidates is no group with the key 'owner'" in str(raised.value)


def test_in_other_hands_a_request_is_in_the_groups_of_those_alone() -> None:
    """Where nothing is known in these hands, that is missing, whatever the present ones have."""
    states = states_of()
    known = states.known(RANKING, P, START + 50 * DAY)
    only = {"owner:B": GroupState("owner:B", Group())}
    assert consider(RANKING, known, only, ["B"]).admitted == ()
    since = declaring(
        filters=(Filter(name="seen", says="never", allows=days_since_known("owner")),)
    )
    assert len(consider(since, known, states.groups, ["B"]).admitted) == 1
