"""Training on a Dask cluster of two processes: the rows in files, the model in one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dask.distributed import LocalCluster

from firm.errors import CannotTrain
from firm.vocabulary import code
from firm.workflow import Workflow
from tests.unit.training.cases import tickets, workflow
from tests.unit.training.small import MONTH, START, feature
from training import distributed
from training.distributed import fitting_on
from training.fit import fit
from training.lessons import lessons
from training.material import material
from training.quality import quality
from training.replay import replay_whole
from training.streaming import replay_to_parts

CUT = START + 3 * MONTH
AS_GOOD = 0.002
"""In Brier score: workers sketch their own rows, so splits may lie a little elsewhere."""

PLAIN = workflow()
OFFSET = workflow(
    asks=None,
    features=(*PLAIN.features, feature("step", code("state"))),
    model=PLAIN.model.model_copy(update={"offset_by": "step"}),
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as cluster:
        yield cluster


@pytest.mark.slow
@pytest.mark.parametrize("declared", [PLAIN, OFFSET], ids=["plain", "offset"])
def test_two_workers_fit_as_good_a_model_as_one_process(
    cluster: LocalCluster, tmp_path: Path, declared: Workflow
) -> None:
    arrivals = tickets(days=120, daily=20)
    replayed = replay_whole(declared, arrivals)
    in_memory = fit(declared, lessons(declared, replayed, CUT))
    taught = material(declared, replay_to_parts(declared, arrivals, tmp_path), CUT)
    with fitting_on(cluster.scheduler_address) as fit_on:
        fitted = fit_on(declared, taught)
    assert fitted.rows == in_memory.rows
    assert fitted.offset == in_memory.offset
    later = replayed.rows.after(CUT).labelled()
    one, two = (
        quality(later.outcome, model.predict(later.features), 0.5) for model in (in_memory, fitted)
    )
    assert two.brier == pytest.approx(one.brier, abs=AS_GOOD)
    assert two.auc == pytest.approx(one.auc, abs=0.01)


def test_no_scheduler_at_the_address_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "PATIENCE", "1s")
    with pytest.raises(CannotTrain, match="dask scheduler"), fitting_on("tcp://127.0.0.1:1"):
        pass
