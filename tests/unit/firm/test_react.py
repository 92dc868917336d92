"""A batch's effects do not depend on how the log is cut, nor on what is repeated in it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.audit import digest
from firm.decision import RULE_VERSION
from firm.events import Event, Position, ScoreRequested
from firm.ids import SubjectId, decision_id
from firm.ports import Scorer
from firm.react import Arrival, Effects, react
from firm.states import States, encode_state
from firm.time import DAY
from firm.workflow import Workflow
from tests.unit.firm.samples import (
    DECLARATION,
    NOW,
    SAMPLE,
    START,
    HoursBooked,
    P,
    Summing,
    arriving,
    booked,
    bookings,
    days,
    histories,
    report,
    reports,
    request,
    subjects,
    taken,
)
from workflows.delivery_risk import WORKFLOW as DELIVERY_RISK

requests = st.builds(lambda day, subject: request("", day, subject), days, subjects)
CASES = [
    pytest.param(SAMPLE, histories(reports, bookings, requests), id="sample"),
    pytest.param(DELIVERY_RISK, histories(reports, requests), id="delivery_risk"),
]


def whole(states: States) -> dict[str, bytes]:
    """Every state in its bytes, with its place in the log."""
    subjects = {key: encode_state(state) for key, state in states.subjects.items()}
    return subjects | {key: encode_state(state) for key, state in states.groups.items()}


def in_batches(
    workflow: Workflow, arrivals: Sequence[Arrival], cuts: Sequence[int], scorer: Scorer | None
) -> tuple[States, list[Effects]]:
    states = States()
    edges = [0, *sorted(cuts), len(arrivals)]
    return states, [
        react(workflow, arrivals[start:end], states, scorer, NOW) for start, end in pairwise(edges)
    ]


@pytest.mark.parametrize(("workflow", "several"), CASES)
@given(
    data=st.data(), rng=st.randoms(use_true_random=False), scorer=st.sampled_from([None, Summing()])
)
def test_any_cut_into_batches_gives_what_one_batch_gives(
    workflow: Workflow,
    several: st.SearchStrategy[list[Event]],
    data: st.DataObject,
    rng: random.Random,
    scorer: Scorer | None,
) -> None:
    events = data.draw(several)
    log = [*events, *data.draw(st.lists(st.sampled_from(events), max_size=4))]
    rng.shuffle(log)
    arrivals = arriving(*log)
    cuts = data.draw(st.lists(st.integers(0, len(log)), max_size=len(log)))
    one_states, (one,) = in_batches(workflow, arrivals, [], scorer)
    states, several_effects = in_batches(workflow, arrivals, cuts, scorer)
    assert [d for e in several_effects for d in e.decisions] == one.decisions
    assert [a for e in several_effects for a in e.actions] == one.actions
    assert [r for e in several_effects for r in e.received] == one.received
    assert [a for e in several_effects for a in e.audit] == one.audit
    assert {key: j for e in several_effects for key, j in judged(e).items()} == judged(one)
    assert several_effects[-1].watermark == one.watermark
    assert (whole(states), states.requests) == (whole(one_states), one_states.requests)


def judged(effects: Effects) -> dict[str, object]:
    return {j.event: j for j in effects.judged}


@given(histories(reports, bookings, requests), st.integers(0, 12))
def test_effects_hold_every_state_that_the_batch_changed(events: list[Event], cut: int) -> None:
    arrivals, states = arriving(*events), States()
    react(SAMPLE, arrivals[:cut], states, None, NOW)
    before = whole(states)
    effects = react(SAMPLE, arrivals[cut:], states, None, NOW)
    handed = {s.subject for s in effects.subjects} | {g.group for g in effects.groups}
    after = whole(states)
    assert {key for key in after if after[key] != before.get(key)} <= handed <= set(after)


@given(histories(reports, bookings, requests), st.data())
def test_each_arrival_has_one_fate_and_each_event_one_decision(
    events: list[Event], data: st.DataObject
) -> None:
    log = data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=20))
    _, effects = taken(log)
    assert [r.arrival for r in effects.received] == arriving(*log)
    first: dict[str, str] = {}
    for received in effects.received:
        event = received.arrival.event
        if first.get(event.id, "rejected") == "rejected":
            first[event.id] = received.fate
        else:
            assert received.fate == "duplicate"
    decided = Counter(decision.cause for decision in effects.decisions)
    assert set(decided.values()) <= {1}
    assert set(decided) == {
        event.id
        for event in log
        if first[event.id] != "rejected"
        and (SAMPLE.is_triggered_by(event) or isinstance(event.fact, ScoreRequested))
    }


def done(effects: Effects) -> list[object]:
    """Everything that is written because of a batch, but for what became of its arrivals."""
    said = [*effects.decisions, *effects.actions, *effects.judged, *effects.audit]
    return [*said, *effects.subjects, *effects.groups]


def fates(effects: Effects) -> list[str]:
    return [received.fate for received in effects.received]


def test_a_repeated_event_is_a_duplicate_and_changes_nothing() -> None:
    states, first = taken([report("a", 1, forecast=10)])
    before = whole(states)
    _, second = taken([report("a", 1, forecast=10), report("a", 1, forecast=10)], states=states)
    assert (fates(first), fates(second)) == (["counted"], ["duplicate", "duplicate"])
    assert done(second) == []
    assert whole(states) == before


@pytest.mark.parametrize("day", [0, 1, 2])
def test_an_event_that_comes_again_with_another_time_is_a_duplicate(day: float) -> None:
    _, effects = taken([report("a", 1), report("a", day), report("b", 3), report("a", day + 3)])
    assert fates(effects) == ["counted", "duplicate", "counted", "duplicate"]
    assert [decision.cause for decision in effects.decisions] == ["a", "b"]


def test_a_repeated_request_is_a_duplicate_and_is_answered_once() -> None:
    states, first = taken([report("a", 1), request("ask", 2), request("ask", 2)])
    _, second = taken([request("ask", 3)], states=states)
    assert fates(first) == ["counted", "answered", "duplicate"]
    assert fates(second) == ["duplicate"]
    assert [d.cause for d in first.decisions] == ["a", "ask"]
    assert second.decisions == []


def test_a_request_is_answered_as_of_its_own_time_and_folds_nothing() -> None:
    states, effects = taken([report("a", 1), report("b", 9), request("ask", 5)])
    decision = effects.decisions[-1]
    assert (decision.origin, decision.as_of) == ("request", START + 5 * DAY)
    assert decision.features["reports"] == 1
    assert decision.evidence.event_time == START + DAY
    assert decision.evidence.position == Position(0, 2)
    assert len(states.subjects[P].history.entries) == 2


def test_a_request_of_an_unknown_subject_is_rejected_and_may_come_again() -> None:
    states, first = taken([request("ask", 2), request("early", 0)])
    assert fates(first) == ["rejected", "rejected"]
    assert first.received[0].reason.startswith("unknown-subject: nothing is known of 'project:1'")
    assert not states.subjects
    _, second = taken([report("a", 1), request("early", 0), request("ask", 2)], states=states)
    assert fates(second) == ["counted", "rejected", "answered"]


def test_an_event_that_a_fold_refuses_is_rejected_with_its_reason_and_stops_no_other() -> None:
    states, effects = taken([report("a", 1), booked("b", 2, 1), report("c", 3)], DELIVERY_RISK)
    assert fates(effects) == ["counted", "rejected", "counted"]
    assert effects.received[1].reason.startswith("unknown-type: delivery_risk folds ['project")
    assert [e.event for e in states.subjects[P].history.entries] == ["a", "c"]


def test_only_a_trigger_is_scored() -> None:
    _, effects = taken([booked("a", 1, 8), report("b", 2), booked("c", 3, 8)])
    assert fates(effects) == ["counted"] * 3
    assert [decision.cause for decision in effects.decisions] == ["b"]
    assert effects.decisions[0].features["booked"] == 8


def test_the_rule_decides_while_there_is_no_scorer() -> None:
    slipping = [report("a", 1, forecast=0), report("b", 2, forecast=100)]
    _, by_rule = taken(slipping)
    by_model = react(SAMPLE, arriving(*slipping), States(), Summing(), NOW)
    assert [(d.probability, d.model_version) for d in by_rule.decisions] == [
        (0.0, RULE_VERSION),
        (0.5, RULE_VERSION),
    ]
    assert {d.model_version for d in by_model.decisions} == {"7"}
    assert [d.features for d in by_model.decisions] == [d.features for d in by_rule.decisions]


@pytest.mark.parametrize(("behind", "fate"), [(45, "counted"), (45.001, "late")])
def test_a_late_event_is_folded_and_decided_on_and_nothing_is_done(
    behind: float, fate: str
) -> None:
    first, newest = report("a", 0, forecast=0), report("b", 100, "project:2")
    states, effects = taken([first, newest, report("c", 100 - behind, forecast=100)])
    decision = effects.decisions[-1]
    assert fates(effects)[-1] == fate
    assert (decision.cause, decision.band, decision.late) == ("c", "act", fate == "late")
    assert [a.kind for a in effects.actions] == ([] if fate == "late" else ["notify", "replan"])
    assert len(states.subjects[P].history.entries) == 2
    assert effects.watermark == newest.occurred_at


def test_a_late_event_is_decided_on_with_what_was_known_at_its_own_time() -> None:
    _, effects = taken([report("a", 0), report("b", 100), report("c", 50)])
    decision = effects.decisions[-1]
    assert decision.features["reports"] == 2
    assert (decision.as_of, decision.evidence.event_time) == (START + 50 * DAY,) * 2


def test_the_next_report_judges_the_decision_on_the_one_before() -> None:
    _, effects = taken([report("a", 1, forecast=10), report("b", 2, forecast=20)])
    (outcome,) = effects.judged
    assert outcome.decision == effects.decisions[0].id == decision_id("sample_risk", "a")
    assert (outcome.value, outcome.known_at) == (1.0, START + 2 * DAY)


def test_a_report_that_comes_between_revises_the_outcome_and_its_groups() -> None:
    states, _ = taken(
        [report("a", 1, forecast=10, owner="DEP"), report("c", 30, forecast=20, owner="DEP")]
    )
    _, effects = taken([report("b", 15, forecast=5, owner="DOT")], states=states)
    assert {j.event: (j.value, j.known_at) for j in effects.judged} == {
        "a": (0.0, START + 15 * DAY),
        "b": (1.0, START + 30 * DAY),
    }
    tally = {name: g.known.before(NOW) for name, g in states.groups.items()}
    assert (tally["owner:DEP"].known, tally["owner:DEP"].positive) == (1, 0)
    assert (tally["owner:DOT"].known, tally["owner:DOT"].positive) == (1, 1)
    assert (tally["all"].known, tally["all"].positive) == (2, 1)


def test_an_event_that_asks_for_no_score_has_no_decision_to_judge() -> None:
    settles_all = Workflow(**{**DECLARATION, "triggers": (HoursBooked,)})
    states, effects = taken([report("a", 1, forecast=10), report("b", 2, forecast=20)], settles_all)
    assert effects.judged == []
    assert states.groups["all"].known.before(NOW).known == 1


def test_of_the_triggers_only_those_ask_that_the_workflow_picks() -> None:
    moving = Workflow(**{**DECLARATION, "asks": lambda seen: len(seen) > 1})
    reports = [report("a", 1, forecast=10), report("b", 2, forecast=20), report("c", 3, forecast=5)]
    states, effects = taken(reports, moving)
    assert [decision.cause for decision in effects.decisions] == ["b", "c"]
    assert [judged.event for judged in effects.judged] == ["b"]
    assert states.groups["all"].known.before(NOW).known == 2


def test_whether_an_event_asks_does_not_depend_on_what_came_after_it() -> None:
    first = Workflow(**{**DECLARATION, "asks": lambda seen: len(seen) == 1})
    _, effects = taken([report("b", 2), report("a", 1)], first)
    assert [decision.cause for decision in effects.decisions] == ["b", "a"]


def test_each_decision_has_its_entry_in_the_audit_log() -> None:
    _, effects = taken([report("a", 1), report("b", 2)])
    assert [(e.at, e.actor, e.verb, e.about, e.digest) for e in effects.audit] == [
        (NOW, "model rule", "decided", decision.id, digest(decision))
        for decision in effects.decisions
    ]


def test_subjects_do_not_touch_one_another() -> None:
    alone, _ = taken([report("a", 1, forecast=10), report("b", 2, forecast=20)])
    other = [report(f"o{n}", n, "project:2", forecast=n) for n in range(4)]
    both, _ = taken([report("a", 1, forecast=10), *other, report("b", 2, forecast=20)])
    assert alone.subjects[P].history == both.subjects[P].history
    assert set(both.subjects) == {P, SubjectId("project:2")}


def test_an_empty_batch_does_nothing() -> None:
    states, effects = taken([])
    assert (effects.received, done(effects), states.subjects) == ([], [], {})
