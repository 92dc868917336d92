import pytest

from tests.unit.training.small import WORKFLOW, log
from training.fit import Fitted, fit
from training.replay import replay
from training.rows import TrainingRows


@pytest.fixture(scope="session")
def rows() -> TrainingRows:
    return replay(WORKFLOW, log())


@pytest.fixture(scope="session")
def fitted(rows: TrainingRows) -> Fitted:
    return fit(WORKFLOW, rows.labelled())
