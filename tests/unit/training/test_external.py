"""A model fitted on rows in files is as good as one fitted on rows in memory."""

from pathlib import Path

import numpy as np
import pytest

from firm.errors import CannotTrain
from firm.vocabulary import code
from firm.workflow import Workflow
from tests.unit.training.cases import estimate, tickets, workflow
from tests.unit.training.small import MONTH, START, WORKFLOW, feature, log
from training.external import fit_external
from training.fit import fit
from training.lessons import lessons
from training.material import material
from training.quality import quality
from training.replay import replay_whole
from training.streaming import replay_to_parts

CUT = START + 3 * MONTH
AS_GOOD = 0.002
"""In Brier score: bins are sketched from batches, so splits may lie a little elsewhere."""

PLAIN = workflow()
ESTIMATED = workflow(label={"estimate": estimate, "least_age_days": 1.0})
OFFSET = workflow(
    asks=None,
    features=(*PLAIN.features, feature("step", code("state"))),
    model=PLAIN.model.model_copy(update={"offset_by": "step"}),
)


@pytest.mark.parametrize("declared", [PLAIN, ESTIMATED, OFFSET], ids=["plain", "estimated", "off"])
def test_it_learns_from_the_same_rows_and_is_as_good(tmp_path: Path, declared: Workflow) -> None:
    arrivals = tickets(days=120, daily=20)
    replayed = replay_whole(declared, arrivals)
    rows = lessons(declared, replayed, CUT)
    in_memory = fit(declared, rows)
    parts = replay_to_parts(declared, arrivals, tmp_path)
    taught = material(declared, parts, CUT)
    external = fit_external(declared, taught)
    assert (external.rows, external.base_rate) == (len(rows), pytest.approx(in_memory.base_rate))
    assert external.parameters == in_memory.parameters
    assert external.offset == in_memory.offset
    later = replayed.rows.after(CUT).labelled()
    one, two = (
        quality(later.outcome, m.predict(later.features), 0.5) for m in (in_memory, external)
    )
    assert two.brier == pytest.approx(one.brier, abs=AS_GOOD)
    assert two.auc == pytest.approx(one.auc, abs=0.01)


def test_it_leaves_the_same_values_to_their_rates(tmp_path: Path) -> None:
    spec = WORKFLOW.model.model_copy(update={"offset_by": "reports", "offset_least": 19})
    declared = WORKFLOW.model_copy(update={"model": spec})
    rows = lessons(declared, replay_whole(declared, log()), CUT)
    in_memory = fit(declared, rows)
    external = fit_external(
        declared, material(declared, replay_to_parts(declared, log(), tmp_path), CUT)
    )
    assert in_memory.offset == external.offset
    assert in_memory.offset is not None
    assert in_memory.offset.alone == {1.0}
    assert external.predict(rows.features) == pytest.approx(
        in_memory.predict(rows.features), abs=0.02
    )


def test_the_same_rows_give_the_same_model(tmp_path: Path) -> None:
    taught = material(WORKFLOW, replay_to_parts(WORKFLOW, log(), tmp_path), CUT)
    one, two = (fit_external(WORKFLOW, taught).booster.save_raw("ubj") for _ in range(2))
    assert one == two


def test_the_outcomes_learnt_from_were_known_at_the_cut(tmp_path: Path) -> None:
    taught = material(WORKFLOW, replay_to_parts(WORKFLOW, log(), tmp_path), CUT)
    assert all((part.known_from < CUT).all() and (part.as_of < CUT).all() for part in taught)
    assert not any(np.isnan(part.outcome).any() for part in taught)


def test_nothing_to_learn_from_is_refused(tmp_path: Path) -> None:
    parts = replay_to_parts(WORKFLOW, log(), tmp_path)
    with pytest.raises(CannotTrain, match="0 rows"):
        fit_external(WORKFLOW, material(WORKFLOW, parts, START))
