"""A decision belongs to the groups that its subject was in when it was taken."""

from __future__ import annotations

import msgspec
import pytest

from firm.decision import Decision, Evidence
from firm.history import Entry, History
from firm.ids import DecisionId, EventId, SubjectId
from firm.states import States, SubjectState
from firm.time import DAY
from firm.trying import try_out
from firm.workflow import AtStake, Watch, Workflow
from headway.groups import Groups
from workflows.delivery_risk import WORKFLOW

SUBJECT = SubjectId("project:3")
BUDGETED = Watch(at_stake=AtStake(money="budget", currency="USD", because="as forecast"))


def groups(watch: Watch) -> Groups:
    """A project that changed its agency and its budget on the tenth day."""
    entries = [
        Entry(0, EventId("a"), values={"owner": "DDC", "phase": "Design", "budget": 10.5}),
        Entry(10 * DAY, EventId("b"), values={"owner": "DOT", "phase": None, "budget": 20.0}),
    ]
    workflow = WORKFLOW.model_copy(update={"watch": watch})
    return Groups(workflow, States([SubjectState(SUBJECT, History(entries))]))


def decision(day: int) -> Decision:
    return Decision(
        id=DecisionId("d"),
        workflow=WORKFLOW.slug,
        subject=SUBJECT,
        cause=EventId("a"),
        origin="stream",
        as_of=day * DAY,
        evidence=Evidence(None, 0),
        probability=0.5,
        band="watch",
        late=False,
        stale=False,
        model_version="1",
        policy_version="1",
        features={"last_slip": 7.0, "burn": None},
        decided_at=day * DAY,
    )


@pytest.mark.parametrize(
    ("day", "owner", "budget"), [(0, "DDC", 10.5), (9, "DDC", 10.5), (10, "DOT", 20.0)]
)
def test_texts_and_money_are_those_of_then(day: int, owner: str, budget: float) -> None:
    found = groups(BUDGETED)
    assert found.of(decision(day)) == ["Design", owner]
    assert found.at_stake(decision(day)) == (budget, None)


def test_a_feature_can_be_a_group_or_what_is_at_stake() -> None:
    found = groups(
        Watch(by=("last_slip", "burn"), at_stake=AtStake(days="last_slip", because="the slip"))
    )
    assert found.of(decision(3)) == ["7", None]
    assert found.at_stake(decision(3)) == (None, 7.0)


def test_what_nobody_declared_or_knows_is_nothing() -> None:
    assert groups(Watch()).at_stake(decision(3)) == (None, None)
    unheard = msgspec.structs.replace(decision(3), subject=SubjectId("project:4"))
    assert groups(BUDGETED).of(unheard) == [None, None]
    assert groups(BUDGETED).at_stake(unheard) == (None, None)


def test_stakes_that_nothing_folds_are_told_when_the_declaration_is_tried() -> None:
    assert try_out(with_stakes("budget")) == []
    (found,) = try_out(with_stakes("bugdet"))
    assert (found.what, "reads 'bugdet', which the fold never gives" in found.reason) == (
        "at_stake",
        True,
    )


def with_stakes(name: str) -> Workflow:
    at_stake = AtStake(money=name, currency="USD", because="as forecast")
    return WORKFLOW.model_copy(update={"watch": Watch(at_stake=at_stake)})
