"""What models walking forward are found to have said of each slice."""

from __future__ import annotations

from firm.events import Event
from firm.history import Values
from firm.vocabulary import code
from firm.workflow import Gates, Slices
from tests.unit.training.cases import fold, tickets, workflow
from tests.unit.training.small import MONTH, START, feature
from training.judge import judge
from training.lessons import lessons, to_judge_on
from training.replay import replay_whole
from training.trial import walk_forward

CUT = START + 4 * MONTH
FEW = 12
"""One ticket of so many is of the small kind; three of ten of each come true."""


def fold_kinds(event: Event) -> Values:
    few = int(event.subject.split(":")[1]) % FEW == 0
    return {**fold(event), "group": "few" if few else "many"}


def unranked(least: int) -> frozenset[str]:
    plain = workflow()
    gates = Gates(auc=0.5, slices=Slices(by=("group",), least_rows=1))
    model = plain.model.model_copy(
        update={"gates": gates, "offset_by": "kind", "offset_prior": 0.01, "offset_least": least}
    )
    features = (*plain.features, feature("kind", code("group")))
    declared = workflow(fold=fold_kinds, features=features, model=model)
    replayed = replay_whole(declared, tickets(days=110, daily=5))
    rows = to_judge_on(declared, replayed, CUT)
    splits = walk_forward(declared, rows, lambda at: lessons(declared, replayed, at))
    return judge(declared, replayed, splits, None).unranked


def test_a_slice_of_which_every_model_told_the_rate_alone_is_named() -> None:
    assert unranked(least=16) == {"group few"}


def test_none_is_where_no_least_is_declared() -> None:
    assert unranked(least=0) == frozenset()
