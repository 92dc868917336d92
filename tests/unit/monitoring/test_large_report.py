"""A report over a million decisions is small: it compares a sample, and judges all of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.report import measure
from monitoring.sampling import MOST_ROWS, gather
from tests.unit.monitoring.test_report import rows, window


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_million_decisions_of_thirty_features_take_less_than_a_gigabyte() -> None:
    found = measure(1_000_000, 30)
    assert found["judged"] == 1_000_000
    assert found["peak_mb"] < 1_024
    assert found["drifted"] == 10


def test_every_row_is_as_likely_to_be_in_the_sample() -> None:
    """From five frames of which the later are as large as all before: no frame is favoured."""
    whole = rows(1, 40_000).assign(place=np.arange(40_000))
    parts = [whole[a:b] for a, b in ((0, 2_500), (2_500, 5_000), (5_000, 10_000), (10_000, 40_000))]
    found = gather(window(), "the decisions", parts)
    assert (len(found.sample), found.rows, found.is_sampled) == (MOST_ROWS, 40_000, True)
    share = np.histogram(found.sample["place"], bins=8, range=(0, 40_000))[0] / MOST_ROWS
    assert share == pytest.approx(1 / 8, abs=0.015)
    assert found.sample["place"].is_monotonic_increasing
    pd.testing.assert_frame_equal(
        found.judged, whole[["prediction", "target"]].reset_index(drop=True)
    )


def test_few_rows_are_all_there() -> None:
    whole = rows(1, 400)
    found = gather(window(), "the decisions", [whole[:150], whole[150:]])
    assert not found.is_sampled
    pd.testing.assert_frame_equal(found.sample, whole)
