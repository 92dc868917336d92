"""False positives and negatives by declared group, and what hung on them in money and days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from firm.workflow import AtStake
from monitoring.cases import Flags, Ints
from monitoring.rates import Rate, rate
from monitoring.window import OUTCOME, SCORE

LEAST = 30
"""Cases with a known outcome below which shares of a part say next to nothing."""
MONEY, DAYS = "money at stake", "days at stake"
"""Columns of the decisions, where a workflow declares what hangs on a case."""


@dataclass(frozen=True)
class Lost:
    """What hung on the cases that were judged wrongly; a sum is None where it is not declared.

    Attributes:
        money_false, money_missed: behind false alerts and missed cases, in `currency`.
        days_false, days_missed: the same in days.
        unknown: wrongly judged cases of which nobody said what hangs on them.
    """

    currency: str | None
    money_false: Decimal | None
    money_missed: Decimal | None
    days_false: float | None
    days_missed: float | None
    unknown: int


@dataclass(frozen=True)
class Part:
    """The cases with a known outcome of one group.

    Attributes:
        by, name: what it is a group by, and which it is.
        precision, recall: None where there is nothing to divide by, or the part is `too_few`.
    """

    by: str
    name: str
    judged: int
    alerts: int
    false_positives: int
    false_negatives: int
    precision: Rate | None
    recall: Rate | None
    too_few: bool
    lost: Lost | None


def part_column(by: str) -> str:
    """The column that says to which group a decision belongs; a feature may have the same name."""
    return f"by {by}"


def parts(
    rows: pd.DataFrame, by: Sequence[str], threshold: float, at_stake: AtStake | None
) -> tuple[Part, ...]:
    """Each group with a known outcome, by what it is a group, the largest first.

    Args:
        rows: score and outcome, with the columns `part_column(name)` of each group and, with
            `at_stake`, MONEY and DAYS.
    """
    known = rows[rows[OUTCOME].notna()]
    return tuple(
        _part(known.iloc[places], one, name, threshold, at_stake)
        for one in by
        for name, places in _largest_first(known[part_column(one)])
    )


def _largest_first(groups: pd.Series) -> Iterator[tuple[str, Ints]]:
    """By group the places of its rows."""
    places = groups.groupby(groups).indices
    return ((name, np.asarray(places[name])) for name in groups.value_counts().index)


def lost(rows: pd.DataFrame, threshold: float, at_stake: AtStake | None) -> Lost | None:
    """What hung on all wrongly judged cases; None where nothing is declared."""
    if at_stake is None:
        return None
    false, missed = _wrong(rows, threshold)
    money = rows[MONEY].to_numpy(np.float64) if at_stake.money else None
    days = rows[DAYS].to_numpy(np.float64) if at_stake.days else None
    told = [column for column in (money, days) if column is not None]
    return Lost(
        currency=at_stake.currency,
        money_false=None if money is None else _money(money[false]),
        money_missed=None if money is None else _money(money[missed]),
        days_false=None if days is None else float(np.nansum(days[false])),
        days_missed=None if days is None else float(np.nansum(days[missed])),
        unknown=int(sum(np.any([np.isnan(c) for c in told], axis=0)[false | missed])),
    )


def _part(
    rows: pd.DataFrame, by: str, name: str, threshold: float, at_stake: AtStake | None
) -> Part:
    alert = rows[SCORE].to_numpy() >= threshold
    false, missed = _wrong(rows, threshold)
    alerts, few = int(alert.sum()), len(rows) < LEAST
    hits = alerts - int(false.sum())
    return Part(
        by=by,
        name=str(name),
        judged=len(rows),
        alerts=alerts,
        false_positives=int(false.sum()),
        false_negatives=int(missed.sum()),
        precision=None if few else rate(hits, alerts),
        recall=None if few else rate(hits, hits + int(missed.sum())),
        too_few=few,
        lost=lost(rows, threshold, at_stake),
    )


def _wrong(rows: pd.DataFrame, threshold: float) -> tuple[Flags, Flags]:
    """False alerts, and cases that came without one."""
    alert = rows[SCORE].to_numpy() >= threshold
    happened = rows[OUTCOME].to_numpy()
    return alert & (happened == 0), ~alert & (happened == 1)


def _money(amounts: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Decimal:
    """The sum to the cent: a float is read as it is written down, as the amount was."""
    return sum(_read(amounts), Decimal(0))


def _read(amounts: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Iterator[Decimal]:
    return (Decimal(repr(one)) for one in amounts.tolist() if one == one)  # noqa: PLR0124  (NaN)
