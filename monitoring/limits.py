"""The declared limits held against the figures: kept, breached, or not to be judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitoring.drift import Drift
from monitoring.quality import Quality
from monitoring.window import Window
from monitoring.words import percent, share_of


@dataclass(frozen=True)
class Limit:
    """One declared limit held against its figure.

    Attributes:
        actual: the figure; None if there is none.
        kept: None if it cannot be judged.
        why: what was found, in words.
    """

    name: str
    actual: float | None
    allowed: float
    kept: bool | None
    why: str


def false_positives(window: Window, quality: Quality) -> Limit:
    """The budget of false alerts; judged once enough outcomes are known."""
    budget, alerts = window.false_positive_budget, window.false_positive_budget.among == "alerts"
    actual = quality.false_alert_share if alerts else quality.false_positive_rate
    kept = None
    if quality.matured < window.least_outcomes:
        why = f"Outcomes known: {quality.matured}. Needed to judge: {window.least_outcomes}."
    elif actual is None:
        why = f"There is no {_one(alerts)}."
    else:
        kept = actual <= budget.limit
        others = quality.true_positives if alerts else quality.true_negatives
        found = share_of(quality.false_positives, quality.false_positives + others)
        why = f"{_said(alerts, found)}; {percent(budget.limit)} are allowed."
    return Limit("false-positives", actual, budget.limit, kept, why)


def drifted_columns(window: Window, drift: Drift) -> Limit:
    """The share of compared columns that may differ from training."""
    share, allowed = drift.share, window.drift.share_of_columns
    if share is None:
        return Limit("drifted-columns", None, allowed, None, "No input could be compared.")
    found = share_of(len(drift.drifted), len(drift.columns))
    why = f"Of the compared inputs {found} differ from training; {percent(allowed)} are allowed."
    return Limit("drifted-columns", share, allowed, share <= allowed, why)


def silent_columns(drift: Drift) -> Iterator[Limit]:
    """Nobody declares how many sources may fall silent: none may."""
    if drift.silent:
        why = f"No value comes any more in: {', '.join(drift.silent)}."
        yield Limit("silent-columns", float(len(drift.silent)), 0.0, False, why)


def _one(alerts: bool) -> str:
    return "alert whose outcome is known" if alerts else "known case in which nothing happened"


def _said(alerts: bool, found: str) -> str:
    if alerts:
        return f"Of the alerts whose outcome is known {found} were false"
    return f"Of the cases in which nothing happened {found} got an alert"
