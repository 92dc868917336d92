"""Which columns can be compared with training at all; the rest is named with its reason."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from monitoring.drift import Kind, Method, NotCompared, method
from monitoring.frames import Frames
from monitoring.window import SCORE, Window

LEAST_VALUES = 30
"""With fewer values in a column even a large change cannot be told from chance."""
EXPECTED_VALUES = 10
"""So many values were to be expected: if none came, the source has gone silent."""
RISE = 0.2
"""A share of missing values that grew by more than this is pointed out."""


@dataclass(frozen=True)
class Compared:
    """A column to compare and the statistic for it."""

    column: str
    kind: Kind
    method: Method
    missing_training: float
    missing_now: float


@dataclass(frozen=True)
class Comparison:
    """What is compared, what is not, which columns went silent, and what else is remarkable."""

    columns: tuple[Compared, ...]
    score: Compared | None
    not_compared: tuple[NotCompared, ...]
    silent: tuple[str, ...]
    notes: tuple[str, ...]


def plan(window: Window, frames: Frames) -> Comparison:
    """Decide for each feature column whether and how it is compared."""
    kinds: dict[str, Kind] = dict.fromkeys(window.numeric_columns, "numeric")
    kinds |= dict.fromkeys(window.categorical_columns, "categorical")
    reasons = {name: _reason(frames, name) for name in kinds}
    compared = [_compared(window, frames, name, kinds[name]) for name in kinds if not reasons[name]]
    enough = min(len(frames.reference), len(frames.current)) >= LEAST_VALUES
    return Comparison(
        columns=tuple(compared),
        score=_compared(window, frames, SCORE, "numeric") if enough else None,
        not_compared=tuple(NotCompared(name, why) for name, why in reasons.items() if why),
        silent=tuple(name for name in kinds if _is_silent(frames, name)),
        notes=(*_risen(compared), *_constant(frames, [one.column for one in compared])),
    )


def _compared(window: Window, frames: Frames, name: str, kind: Kind) -> Compared:
    then, now = frames.reference[name], frames.current[name]
    least = min(int(then.count()), int(now.count()))
    chosen = method(kind, least, window.drift)
    return Compared(name, kind, chosen, float(then.isna().mean()), float(now.isna().mean()))


def _reason(frames: Frames, name: str) -> str:
    """Why a column cannot be compared; empty if it can."""
    then, now = int(frames.reference[name].count()), int(frames.current[name].count())
    if not then or not now:
        where = "training" if not then else "this window"
        return f"empty in {where}" if then or now else "empty in training and in this window"
    if min(then, now) < LEAST_VALUES:
        where = "training" if then < LEAST_VALUES else "this window"
        return f"fewer than {LEAST_VALUES} values in {where}"
    return ""


def _is_silent(frames: Frames, name: str) -> bool:
    expected = frames.reference[name].notna().mean() * len(frames.current)
    return bool(expected >= EXPECTED_VALUES) and not frames.current[name].count()


def _risen(columns: list[Compared]) -> list[str]:
    return [
        f"{one.column} is missing in {one.missing_now:.0%} of the decisions,"
        f" in training in {one.missing_training:.0%}."
        for one in columns
        if one.missing_now - one.missing_training > RISE
    ]


def _constant(frames: Frames, names: list[str]) -> list[str]:
    return [
        f"{name} has the same value in every decision of this window."
        for name in names
        if _is_constant(frames.current[name])
    ]


def _is_constant(column: pd.Series) -> bool:
    return column.nunique() == 1
