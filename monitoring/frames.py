"""The rows made ready to be compared: typed, finite, with few levels, nothing dropped silently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.errors import BadRows
from monitoring.window import OUTCOME, SCORE, Window
from monitoring.words import harmless

LEAST_SHARE = 0.05
"""Levels rarer than this in training are pooled: many rare ones look drifted by chance alone."""
OTHER, NEW = "(other)", "(new)"
"""Levels that are rare in training, and unknown ones in a column that had no rare ones."""


@dataclass(frozen=True)
class Frames:
    """Scored rows: features as float or text, `prediction` in 0..1, `target` 0.0, 1.0 or NaN.

    Attributes:
        unscored: decisions of the window without a score; they are in no other figure.
        notes: what was left out or read as missing, in plain words.
    """

    reference: pd.DataFrame
    current: pd.DataFrame
    unscored: int
    notes: tuple[str, ...]


def prepare(window: Window, reference: pd.DataFrame, current: pd.DataFrame) -> Frames:
    """Check both frames and bring them into one form.

    Raises:
        BadRows: columns are missing, values impossible, or no training row has a score.
    """
    problems = [
        *problems_of(window, "the training rows", reference),
        *problems_of(window, "the decisions", current),
    ]
    if problems:
        raise BadRows(window.workflow, problems)
    training, now = _scored(window, reference), _scored(window, current)
    if training.empty:
        raise BadRows(window.workflow, ["no training row has a score: nothing to compare with"])
    unscored = len(current) - len(now)
    notes = [
        *_left_out("training rows", len(reference) - len(training)),
        *_left_out("decisions", unscored),
        *_unreadable(window, reference, "the training rows"),
        *_unreadable(window, current, "the decisions"),
    ]
    for name in window.categorical_columns:
        known = _levels(training[name])
        training[name], now[name] = _pooled(training[name], known), _pooled(now[name], known)
    return Frames(training, now, unscored, tuple(notes))


def problems_of(window: Window, which: str, frame: pd.DataFrame) -> list[str]:
    """What in a frame breaks the contract of `write_report`, a sentence each."""
    wanted = [*window.columns, SCORE, OUTCOME]
    if missing := [name for name in wanted if name not in frame.columns]:
        return [f"{which} lack the columns {missing}"]
    problems = [
        f"{which} have times in {name}, which is declared numeric"
        for name in window.numeric_columns
        if frame[name].dtype.kind in "mM"
    ]
    scores, outcomes = _numbers(frame[SCORE]), _numbers(frame[OUTCOME])
    if not scores.dropna().between(0, 1).all() or _lost(frame[SCORE]):
        problems.append(f"{which} have a {SCORE} that is no probability from 0 to 1")
    if not outcomes.dropna().isin((0, 1)).all() or _lost(frame[OUTCOME]):
        problems.append(f"{which} have a {OUTCOME} other than 0, 1 or missing")
    return problems


def _scored(window: Window, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with a score, each column in the type that it is declared to have."""
    rows = frame[_numbers(frame[SCORE]).notna()]
    columns = {name: _numbers(rows[name]) for name in window.numeric_columns}
    columns |= {name: _texts(rows[name]) for name in window.categorical_columns}
    columns |= {name: _numbers(rows[name]) for name in (SCORE, OUTCOME)}
    return pd.DataFrame(columns).reset_index(drop=True)


def _numbers(column: pd.Series) -> pd.Series:
    """As float64; what is no finite number becomes NaN."""
    plain = column if column.dtype.kind in "fiu" else column.astype(object)
    read = pd.to_numeric(plain, errors="coerce").astype("float64")
    return read.replace([np.inf, -np.inf], np.nan)


def _texts(column: pd.Series) -> pd.Series:
    """As text that is safe inside a script block; what is missing stays None."""
    return column.astype(object).map(_text, na_action="ignore").where(column.notna(), None)


def _text(value: object) -> str:
    """A level's name; 3 and 3.0 are one level, since a gap makes floats of a column's integers."""
    if isinstance(value, (float, np.floating)) and value.is_integer():
        value = int(value)
    return harmless(str(value))


def _levels(column: pd.Series) -> dict[object, str]:
    """What each level of training is called: its own name if it is frequent, else `(other)`."""
    shares = column.value_counts(normalize=True)
    return {name: str(name) if share >= LEAST_SHARE else OTHER for name, share in shares.items()}


def _pooled(column: pd.Series, known: dict[object, str]) -> pd.Series:
    """A column with rare levels, such as names, brings unknown ones all the time: they are rare."""
    unknown = OTHER if OTHER in known.values() else NEW
    return column.map(lambda value: known.get(value, unknown), na_action="ignore")


def _lost(column: pd.Series) -> int:
    """How many values are there but cannot be read as a finite number."""
    return int((column.notna() & _numbers(column).isna()).sum())


def _left_out(what: str, count: int) -> list[str]:
    return [f"{count} {what} have no score and are left out."] if count else []


def _unreadable(window: Window, frame: pd.DataFrame, where: str) -> list[str]:
    counts = {name: _lost(frame[name]) for name in window.numeric_columns}
    return [
        f"{name}: {count} values of {where} are no finite numbers and count as missing."
        for name, count in counts.items()
        if count
    ]
