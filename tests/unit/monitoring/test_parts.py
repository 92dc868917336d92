"""False positives and negatives by group are those of the group's rows, and what hung on them adds
up to the cent."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from firm.workflow import AtStake
from monitoring.grouped import grouped
from monitoring.parts import DAYS, LEAST, MONEY, lost, part_column, parts
from monitoring.rates import rate

STAKE = AtStake(money="budget", currency="USD", days="slip", because="the project's budget")
THRESHOLD = 0.5


def rows(count: int = 400) -> pd.DataFrame:
    """Agencies of very different sizes; every fifth outcome is not known, some budgets neither."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"prediction": rng.random(count)})
    frame["target"] = (rng.random(count) < frame["prediction"]).astype(float)
    frame.loc[::5, "target"] = np.nan
    sizes = [0.6, 0.35, 0.05]
    frame[part_column("owner")] = rng.choice(["DDC", "DOT", "DSNY"], count, p=sizes)
    frame[MONEY] = rng.integers(1, 10**9, count) / 100
    frame.loc[::7, MONEY] = np.nan
    frame[DAYS] = rng.integers(0, 90, count).astype(float)
    return frame


def test_each_group_is_judged_on_its_own_rows_the_largest_first() -> None:
    frame = rows()
    found = parts(frame, ["owner"], THRESHOLD, STAKE)
    assert [part.name for part in found] == ["DDC", "DOT", "DSNY"]
    known = frame[frame["target"].notna()]
    for part in found:
        own = known[known[part_column("owner")] == part.name]
        alert, happened = own["prediction"] >= THRESHOLD, own["target"] == 1
        assert (part.judged, part.alerts) == (len(own), alert.sum())
        assert part.false_positives == (alert & ~happened).sum()
        assert part.false_negatives == (~alert & happened).sum()
        if not part.too_few:
            assert part.precision == rate(int((alert & happened).sum()), int(alert.sum()))
            assert part.recall == rate(int((alert & happened).sum()), int(happened.sum()))
    assert sum(part.judged for part in found) == len(known)


def test_a_small_group_is_counted_and_told_as_too_few() -> None:
    *_, small = parts(rows(), ["owner"], THRESHOLD, None)
    assert small.judged < LEAST
    assert (small.too_few, small.precision, small.recall) == (True, None, None)
    (kind,) = grouped(parts(rows(), ["owner"], THRESHOLD, None))
    assert [row[0] for row in kind.rows] == ["DDC", "DOT"]
    assert f"Fewer than {LEAST} judged cases, too few to tell" in kind.left_out
    assert f"DSNY ({small.judged})" in kind.left_out


def test_what_hung_on_the_wrong_answers_adds_up_to_the_cent() -> None:
    frame = rows()
    found = lost(frame, THRESHOLD, STAKE)
    assert found
    known = frame[frame["target"].notna()]
    wrong = (known["prediction"] >= THRESHOLD) != (known["target"] == 1)
    false = known[wrong & (known["target"] == 0)]
    missed = known[wrong & (known["target"] == 1)]
    cents = [round(one * 100) for one in false[MONEY].dropna()]
    assert found.money_false == Decimal(sum(cents)) / 100
    assert found.money_missed == sum(Decimal(repr(one)) for one in missed[MONEY].dropna().tolist())
    assert (found.days_false, found.days_missed) == (false[DAYS].sum(), missed[DAYS].sum())
    assert found.unknown == known[wrong][MONEY].isna().sum()
    by_group = [part.lost for part in parts(frame, ["owner"], THRESHOLD, STAKE) if part.lost]
    assert sum((one.money_false or Decimal(0)) for one in by_group) == found.money_false
    assert lost(frame, THRESHOLD, None) is None


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({}, "names neither money nor days"),
        ({"money": "budget"}, "declare both"),
        ({"days": "slip", "currency": "USD"}, "declare both"),
    ],
)
def test_what_is_at_stake_is_declared_whole(declared: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        AtStake(because="as told", **declared)
