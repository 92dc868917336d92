"""Score, act, approve, record: each use case on its own."""

from __future__ import annotations

import math

import msgspec
import pytest

from firm.decision import RULE_VERSION, Action, Asked, Evidence, Person, same_answer
from firm.errors import ModelRefused, NotAllowed
from firm.events import Position
from firm.handlers import act, actions, approve, ask, record_outcomes, score
from firm.history import Outcome
from firm.ids import ActionId, DecisionId, EventId, action_id, decision_id
from firm.ports import Scorer
from firm.time import DAY
from firm.workflow import Row, Workflow
from tests.unit.firm.samples import DECLARATION, NOW, SAMPLE, START, P, Summing, report, taken

EVIDENCE = Evidence(Position(0, 3), START)


class Fixed:
    """A scorer that gives what it was told to."""

    version = "9"

    def __init__(self, *probabilities: float) -> None:
        self.probabilities = list(probabilities)

    def predict(self, rows: list[Row]) -> list[float]:
        return self.probabilities


def asked(cause: str = "e", by_rule: float = 0.7, late: bool = False, days: float = 1) -> Asked:
    row = tuple(float(n) for n in range(len(SAMPLE.features)))
    return Asked(P, cause, "stream", START + int(days * DAY), EVIDENCE, row, by_rule, late)


def decide(question: Asked, scorer: Scorer | None = None, workflow: Workflow = SAMPLE):
    (decision,) = score(workflow, [question], scorer, NOW)
    return decision


def test_a_question_has_the_features_as_of_its_instant() -> None:
    states, _ = taken([report("a", 0, forecast=100), report("b", 2, forecast=150)])
    known = states.known(SAMPLE, P, START + 5 * DAY)
    question = ask(SAMPLE, P, known, EVIDENCE, "key", "http")
    assert question.row == SAMPLE.row(known)
    assert (question.as_of, question.by_rule, question.late) == (START + 5 * DAY, 0.5, False)


def test_the_rule_decides_without_a_scorer() -> None:
    decision = decide(asked(by_rule=0.7))
    assert (decision.probability, decision.model_version) == (0.7, RULE_VERSION)
    assert decision.band == "act"


def test_a_rule_that_knows_nothing_scores_zero() -> None:
    workflow = Workflow(**{**DECLARATION, "rule": SAMPLE.features[3].of})
    states, _ = taken([report("a", 0)], workflow)
    known = states.known(workflow, P, START)
    assert workflow.rule(known) is None
    assert ask(workflow, P, known, EVIDENCE, "key", "http").by_rule == 0.0


def test_the_live_model_decides_and_the_rule_does_not() -> None:
    decision = decide(asked(by_rule=0.7), Fixed(0.2))
    assert (decision.probability, decision.model_version, decision.band) == (0.2, "9", "calm")


def test_each_question_gets_its_own_answer() -> None:
    decisions = score(SAMPLE, [asked("a"), asked("b"), asked("c")], Fixed(0.1, 0.6, 0.3), NOW)
    assert [(d.cause, d.probability) for d in decisions] == [("a", 0.1), ("b", 0.6), ("c", 0.3)]
    assert score(SAMPLE, [], None, NOW) == []


def test_a_scorer_that_answers_too_few_is_not_believed() -> None:
    with pytest.raises(ValueError, match="shorter"):
        score(SAMPLE, [asked("a"), asked("b")], Fixed(0.1), NOW)


@pytest.mark.parametrize(
    ("told", "kept"), [(1.5, 1.0), (-0.1, 0.0), (math.inf, 1.0), (-math.inf, 0.0)]
)
def test_a_score_stays_within_zero_and_one(told: float, kept: float) -> None:
    assert decide(asked(), Fixed(told)).probability == kept


def test_a_model_that_scores_nan_is_refused_by_name() -> None:
    with pytest.raises(ModelRefused, match="'sample_risk': model '9' scored NaN for 'project:1'"):
        decide(asked(), Fixed(math.nan))


def test_a_decision_keeps_its_snapshot() -> None:
    decision = decide(asked(), Summing())
    assert list(decision.features) == list(SAMPLE.feature_names)
    assert tuple(decision.features.values()) == asked().row
    assert (decision.evidence, decision.decided_at) == (EVIDENCE, NOW)
    assert decision.policy_version == SAMPLE.policy_version
    replayed = Summing().predict([tuple(decision.features.values())])
    assert replayed == [decision.probability]


@pytest.mark.parametrize(("days", "stale"), [(0, False), (100, False), (100.001, True)])
def test_an_answer_on_old_ground_is_flagged(days: float, stale: bool) -> None:
    assert decide(asked(days=days)).stale == stale


def test_the_id_of_a_decision_depends_only_on_workflow_and_cause() -> None:
    one = decide(asked("e", by_rule=0.1))
    other = msgspec.structs.replace(
        asked("e", by_rule=0.9, late=True, days=30), subject="project:2", origin="http"
    )
    assert decide(other, Fixed(0.5)).id == one.id == decision_id("sample_risk", "e")
    assert decide(asked("f")).id != one.id
    workflow = Workflow(**{**DECLARATION, "slug": "other_risk"})
    assert decide(asked("e"), workflow=workflow).id != one.id


def test_the_actions_are_those_of_the_band() -> None:
    decision = decide(asked(by_rule=0.7))
    notify, replan = actions(SAMPLE, decision)
    assert (notify.kind, notify.approval) == ("notify", None)
    assert (replan.kind, replan.approval) == ("replan", "delivery_director")
    assert notify.id == action_id(decision.id, "notify") != replan.id
    assert actions(SAMPLE, decide(asked(by_rule=0.2))) == []


def test_a_late_event_has_a_decision_and_no_action() -> None:
    decision = decide(asked(by_rule=0.9, late=True))
    assert (decision.band, decision.late) == ("act", True)
    assert actions(SAMPLE, decision) == []


def action(approval: str | None = "delivery_director") -> Action:
    return Action(
        ActionId("a-1"), DecisionId("d"), "sample_risk", P, "replan", "Move.", approval, NOW
    )


DIRECTOR = Person("Dee", frozenset({"delivery_director", "finance"}))


@pytest.mark.parametrize("agreed", [True, False])
def test_a_person_in_the_role_gives_a_verdict(agreed: bool) -> None:
    verdict = approve(action(), DIRECTOR, agreed, "  seen the plan ", NOW)
    assert (verdict.action, verdict.agreed, verdict.person) == ("a-1", agreed, "Dee")
    assert (verdict.reason, verdict.at) == ("seen the plan", NOW)


@pytest.mark.parametrize(
    ("who", "says"),
    [
        (Person("Fin", frozenset({"finance"})), r"delivery_director; Fin has \['finance'\]"),
        (Person("Nobody", frozenset()), "delivery_director; Nobody has none"),
    ],
)
@pytest.mark.parametrize("agreed", [True, False])
def test_nobody_without_the_role_gives_a_verdict(who: Person, says: str, agreed: bool) -> None:
    with pytest.raises(NotAllowed, match=says):
        approve(action(), who, agreed, "because", NOW)


@pytest.mark.parametrize("reason", ["", "  ", "\n\t"])
def test_a_verdict_needs_a_reason(reason: str) -> None:
    with pytest.raises(NotAllowed, match="needs a reason"):
        approve(action(), DIRECTOR, True, reason, NOW)


def test_an_action_that_waits_for_nobody_takes_no_verdict() -> None:
    with pytest.raises(NotAllowed, match=r"a-1 \(replan\) needs no approval"):
        approve(action(None), DIRECTOR, True, "because", NOW)


def test_acting_hands_the_action_with_its_id_to_the_system_of_record() -> None:
    class Target:
        def __init__(self) -> None:
            self.done: dict[str, str] = {}

        def perform(self, action: Action) -> str:
            return self.done.setdefault(action.id, f"reference-{len(self.done)}")

    target = Target()
    assert act(action(), target) == act(action(), target) == "reference-0"


def test_an_outcome_judges_the_decision_of_its_event() -> None:
    a, b, c = EventId("a"), EventId("b"), EventId("c")
    changed = {a: Outcome(1.0, START), b: None, c: Outcome(0.0, START)}
    judged = record_outcomes(SAMPLE, changed, {a, b}.__contains__)
    assert [(j.event, j.decision, j.value, j.known_at) for j in judged] == [
        ("a", decision_id("sample_risk", "a"), 1.0, START),
        ("b", decision_id("sample_risk", "b"), None, 0),
    ]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"decided_at": 5, "origin": "http", "probability": 0.7 + 1e-13}, True),
        ({"subject": "project:2"}, False),
        ({"as_of": 5}, False),
        ({"band": "calm"}, False),
        ({"probability": 0.7 + 1e-9}, False),
        ({"features": {}}, False),
        ({"model_version": "2"}, False),
    ],
    ids=str,
)
def test_two_decisions_say_the_same(changed: dict[str, object], same: bool) -> None:
    decision = decide(asked())
    assert same_answer(decision, msgspec.structs.replace(decision, **changed)) == same


def test_an_answer_names_what_the_subject_still_waits_for() -> None:
    waiting = Workflow(**{**DECLARATION, "awaits": lambda known: [f"{len(known.entries)} papers"]})
    states, _ = taken([report("a", 0), report("b", 1)], waiting)
    question = ask(waiting, P, states.known(waiting, P, NOW), EVIDENCE, "key", "http")
    decision = decide(question, Fixed(0.9), waiting)
    assert decision.awaits == ("2 papers",)
    assert actions(waiting, decision)[0].says == "Have a look. Still missing: 2 papers."


def test_a_decision_that_waits_for_nothing_has_the_bytes_that_it_always_had() -> None:
    decision = decide(asked())
    assert b"awaits" not in msgspec.json.encode(decision)
    assert msgspec.json.decode(msgspec.json.encode(decision), type=type(decision)) == decision
    other = msgspec.structs.replace(decision, awaits=("a paper",))
    assert not same_answer(decision, other)
