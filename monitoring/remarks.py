"""What Evidently's page says in its heading: facts, and what a reader must keep in mind."""

from __future__ import annotations

from monitoring.comparison import Comparison
from monitoring.drift import NotCompared
from monitoring.frames import Frames
from monitoring.limits import false_positives
from monitoring.quality import Quality, comparable
from monitoring.window import Window
from monitoring.words import percent, share_of

LEFT_OUT = (
    "The section on classification is left out: it needs alerts and both outcomes,"
    " among the known ones of this window and among those of training."
)


def title(window: Window) -> str:
    """Names what the page is about."""
    return f"{window.workflow}, model version {window.model_version}"


def facts(window: Window, training: Quality, quality: Quality) -> list[tuple[str, str]]:
    """The lines of the heading: a name and its value as printed."""
    judged = quality.false_positives + quality.true_positives
    negatives = quality.false_positives + quality.true_negatives
    budget = window.false_positive_budget
    return [
        ("Workflow", window.workflow),
        ("Question", window.question),
        ("Owner", window.owner),
        ("Model version", window.model_version),
        ("Window", window.span),
        ("Training rows", str(training.rows)),
        ("Decisions with a score", str(quality.rows)),
        ("Outcomes known", share_of(quality.matured, quality.rows)),
        ("Alerts: score at or above", str(window.threshold)),
        ("False alerts among alerts with a known outcome", _of(quality.false_positives, judged)),
        ("False positive rate", _of(quality.false_positives, negatives)),
        ("False positive budget", f"{percent(budget.limit)} of {budget.among}"),
        ("Allowed share of columns that differ", percent(window.drift.share_of_columns)),
    ]


def remarks(
    window: Window, frames: Frames, comparison: Comparison, training: Quality, quality: Quality
) -> tuple[str, ...]:
    """What was left out or cannot be judged, a sentence each."""
    limit = false_positives(window, quality)
    return (
        *([] if quality.rows else ["No decision of this window has a score."]),
        *_on_outcomes(quality),
        *([] if limit.kept is not None else [f"False positives are not judged: {limit.why}"]),
        *([] if training.matured else ["No training row has an outcome."]),
        *([] if comparable(training, quality) else [LEFT_OUT]),
        *([] if comparison.score or not quality.rows else ["Too few rows to compare the scores."]),
        *_not_compared(comparison.not_compared),
        *frames.notes,
        *comparison.notes,
    )


def _on_outcomes(quality: Quality) -> list[str]:
    if quality.rows and not quality.matured:
        return ["No outcome of this window is known yet: nothing can be said on quality."]
    if quality.one_class:
        which = "happened" if quality.true_positives + quality.false_negatives else "did not happen"
        return [f"In all known cases it {which}: how well the score ranks cannot be said."]
    return []


def _not_compared(columns: tuple[NotCompared, ...]) -> list[str]:
    """One sentence a reason, however many columns share it."""
    reasons = dict.fromkeys(column.reason for column in columns)
    return [
        f"Not compared, {why}: {', '.join(c.column for c in columns if c.reason == why)}."
        for why in reasons
    ]


def _of(part: int, whole: int) -> str:
    return share_of(part, whole) if whole else "none"
