"""Decisions of a window in bounded memory: every score and outcome, and an even sample of rows.

Figures of quality rest on all decisions. What compares columns rests on the sample: from ten
thousand rows on, more of them would not change a distance by a hundredth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.frames import problems_of
from monitoring.parts import DAYS, MONEY, part_column
from monitoring.window import OUTCOME, SCORE, Window

MOST_ROWS = 10_000
SEED = 7


@dataclass(frozen=True)
class Gathered:
    """What came.

    Attributes:
        sample: up to MOST_ROWS rows, in their order; all where there are no more.
        judged: score and outcome of every row with a score, with its groups and what hangs on it.
        rows: how many came, with and without a score.
        problems: how one of the frames breaks the contract; empty if none does.
    """

    sample: pd.DataFrame
    judged: pd.DataFrame
    rows: int
    problems: tuple[str, ...] = ()

    @property
    def is_sampled(self) -> bool:
        """Whether the sample leaves rows out."""
        return len(self.sample) < self.rows


def gather(window: Window, which: str, parts: Iterable[pd.DataFrame]) -> Gathered:
    """Go through frames once, keeping of each what is needed, up to the first that breaks the
    contract of `write_report`."""
    rng, kept, lots = np.random.default_rng(SEED), [], []
    judged: list[pd.DataFrame] = []
    rows = 0
    besides = beside(window)
    for part in parts:
        if problems := problems_of(window, which, part):
            return Gathered(part, _none(), 0, tuple(problems))
        numbers = part[[SCORE, OUTCOME]].apply(pd.to_numeric, errors="coerce").astype("float64")
        told = numbers.join(part[[name for name in besides if name in part.columns]])
        judged.append(told[told[SCORE].notna()])
        kept.append(part.assign(**{_PLACE: np.arange(rows, rows + len(part))}))
        lots.append(rng.random(len(part)))
        rows += len(part)
        if sum(map(len, lots)) > MOST_ROWS:
            kept, lots = _fewer(kept, lots)
    if not kept:
        return Gathered(pd.DataFrame(columns=[*window.columns, SCORE, OUTCOME]), _none(), 0)
    sample = pd.concat(kept).sort_values(_PLACE).drop(columns=_PLACE).reset_index(drop=True)
    return Gathered(sample, pd.concat(judged, ignore_index=True), rows)


def beside(window: Window) -> tuple[str, ...]:
    """The columns of decisions that no figure but those of their groups rests on."""
    at_stake = (MONEY, DAYS) if window.at_stake else ()
    return (*(part_column(name) for name in window.by), *at_stake)


_PLACE = "place of the row"


def _fewer(
    kept: list[pd.DataFrame], lots: list[np.ndarray[tuple[int], np.dtype[np.float64]]]
) -> tuple[list[pd.DataFrame], list[np.ndarray[tuple[int], np.dtype[np.float64]]]]:
    """Only the rows that drew the lowest lots: each row of all so far is as likely to be there."""
    drawn = np.concatenate(lots)
    stay = np.sort(np.argpartition(drawn, MOST_ROWS)[:MOST_ROWS])
    return [pd.concat(kept).iloc[stay]], [drawn[stay]]


def _none() -> pd.DataFrame:
    return pd.DataFrame({SCORE: [], OUTCOME: []}, dtype="float64")
