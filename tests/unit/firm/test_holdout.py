"""A declared share of subjects is left alone, always the same; what is withheld is kept."""

from __future__ import annotations

import pytest

from firm.decision import Decision, Evidence
from firm.handlers import actions
from firm.holdout import REASON, is_held_out
from firm.ids import SubjectId, decision_id
from firm.workflow import Workflow
from workflows.delivery_risk import WORKFLOW


def holding(share: float) -> Workflow:
    watch = WORKFLOW.watch.model_copy(update={"holdout": share})
    return WORKFLOW.model_copy(update={"watch": watch})


def alarm(subject: str) -> Decision:
    return Decision(
        id=decision_id(WORKFLOW.slug, subject),
        workflow=WORKFLOW.slug,
        subject=SubjectId(subject),
        cause=subject,
        origin="http",
        as_of=1,
        evidence=Evidence(None, 1),
        probability=0.99,
        band="act",
        late=False,
        stale=False,
        model_version="1",
        policy_version="p",
        features={},
        decided_at=1,
    )


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_so_many_subjects_are_held_out_as_declared(share: float) -> None:
    held = [is_held_out(holding(share), SubjectId(f"project:{n}")) for n in range(10_000)]
    assert sum(held) / len(held) == pytest.approx(share, abs=0.01)


def test_a_larger_holdout_keeps_those_of_a_smaller_one() -> None:
    subjects = [SubjectId(f"project:{n}") for n in range(2_000)]
    small, large = ({s for s in subjects if is_held_out(holding(share), s)} for share in (0.1, 0.3))
    assert small < large


def test_actions_of_a_held_out_subject_are_kept_and_withheld_with_the_reason() -> None:
    workflow = holding(0.3)
    for number in range(50):
        one = alarm(f"project:{number}")
        held = is_held_out(workflow, one.subject)
        said = {action.withheld for action in actions(workflow, one)}
        assert said == {REASON if held else None}
