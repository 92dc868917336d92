"""The figures of one report: what both pages print and `figures.json` holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import msgspec

from firm.alerts import Alert
from monitoring.drift import Drift
from monitoring.limits import Limit, drifted_columns, false_positives, silent_columns
from monitoring.parts import Lost, Part
from monitoring.quality import Quality
from monitoring.window import Window
from monitoring.words import number


@dataclass(frozen=True)
class Figures:
    """Everything that was found.

    Attributes:
        training, quality: the scores judged on the training rows and on the window.
        unscored: decisions of the window without a score; they are in no other figure.
        notes: what was left out or needs care, in plain words.
        alerts: what monitoring found in the window.
        parts: the same counts by declared group.
        lost: what hung on the cases that were judged wrongly.
    """

    window: Window
    training: Quality
    quality: Quality
    unscored: int
    drift: Drift
    notes: tuple[str, ...]
    alerts: tuple[Alert, ...] = ()
    parts: tuple[Part, ...] = ()
    lost: Lost | None = None

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Every figure of the JSON that is one number, as the pages print it."""
        return _numbers({**asdict(self.quality), "unscored": self.unscored, **_drift(self.drift)})

    @property
    def of_training(self) -> tuple[tuple[str, str], ...]:
        """The same of the rows that the version was trained on."""
        return _numbers(asdict(self.training))

    @property
    def of_curve(self) -> tuple[tuple[str, str, str], ...]:
        """Cases of similar score: how many, what the scores said, and the share that happened."""
        curve = self.quality.curve
        return tuple((str(one.rows), number(one.said), number(one.happened)) for one in curve)

    @property
    def of_columns(self) -> tuple[tuple[str, ...], ...]:
        """Each compared column, the score last: its statistic, its value and limit, whether it
        drifted, and the share of values missing in training and now."""
        compared = [*self.drift.columns, *([self.drift.score] if self.drift.score else [])]
        return tuple(
            (
                one.column,
                one.statistic,
                number(one.value),
                number(one.limit),
                "yes" if one.drifted else "no",
                number(one.missing_training),
                number(one.missing_now),
            )
            for one in compared
        )

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The declared limits, each kept, breached or not judged."""
        return (
            false_positives(self.window, self.quality),
            drifted_columns(self.window, self.drift),
            *silent_columns(self.drift),
        )

    @property
    def breaches(self) -> tuple[Limit, ...]:
        """The limits that are not kept."""
        return tuple(limit for limit in self.limits if limit.kept is False)

    def json(self) -> str:
        """One object; times as ISO 8601 in UTC, money as text, a figure that does not exist as
        null."""
        subject = {"workflow", "question", "owner", "model_version", "start", "end"}
        columns = {"numeric_columns", "categorical_columns"}
        whole = {
            **self.window.model_dump(mode="json", include=subject),
            "declared": self.window.model_dump(mode="json", exclude=subject | columns),
            **asdict(self.quality),
            "unscored": self.unscored,
            "training": asdict(self.training),
            **_drift(self.drift),
            "limits": [asdict(limit) for limit in self.limits],
            "breaches": [limit.name for limit in self.breaches],
            "notes": list(self.notes),
            "alerts_raised": [msgspec.to_builtins(alert) for alert in self.alerts],
            "parts": [asdict(part) for part in self.parts],
            "at_stake": self.lost and asdict(self.lost),
        }
        return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False, default=str)


def _numbers(figures: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    plain = {n: v for n, v in figures.items() if isinstance(v, (int, float)) or v is None}
    return tuple((name.replace("_", " "), number(value)) for name, value in plain.items())


def _drift(drift: Drift) -> dict[str, object]:
    return {
        "drifted_columns_count": len(drift.drifted),
        "compared_columns_count": len(drift.columns),
        "drifted_columns_share": drift.share,
        "drifted_columns": [column.column for column in drift.drifted],
        "columns": [asdict(column) for column in drift.columns],
        "not_compared": [asdict(column) for column in drift.not_compared],
        "silent_columns": list(drift.silent),
        "prediction_drift": drift.score and asdict(drift.score),
    }
