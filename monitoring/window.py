"""What is reported on: one version of one workflow's model over one stretch of time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from firm.workflow import AtStake

SCORE, OUTCOME = "prediction", "target"
"""Columns of both frames: the probability that was given, and 0 or 1 once it is known."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[^<>]+$")]
"""No angle brackets: Evidently writes names into a script block as they are."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
UtcTime = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DriftLimits(_Frozen):
    """How much the inputs may change before somebody must look.

    Attributes:
        share_of_columns: share of the compared columns that may have drifted.
        chance: with few rows a column has drifted if chance alone explains the difference with
            less than this probability; 0.01 lets one column in a hundred alarm for nothing.
        distance: with many rows chance explains next to nothing, and every trifle would count;
            there a column has drifted from this distance on (0.1 is Evidently's own default).
    """

    share_of_columns: Share
    chance: Annotated[float, Field(gt=0, lt=1)] = 0.01
    distance: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1


class FalsePositiveBudget(_Frozen):
    """How many false alerts the people who get them are asked to bear.

    Attributes:
        limit: the largest share that is still within the budget.
        among: of what it is a share: of all `alerts` whose outcome is known, or of all
            `negatives`, the cases in which nothing happened (the false positive rate).
    """

    limit: Share
    among: Literal["alerts", "negatives"] = "alerts"


class Window(_Frozen):
    """One report's subject, its declared limits and the features to compare.

    Attributes:
        start, end: aware times, kept in UTC; decisions from `start` to before `end`.
        threshold: a score at or above it is an alert: the policy acts.
        least_outcomes: with fewer known outcomes no limit on quality is judged.
        by: the groups by which false positives and negatives are told (`monitoring.parts`).
        at_stake: what hangs on a case.
    """

    workflow: Text
    question: Text
    owner: Text
    model_version: Text
    start: UtcTime
    end: UtcTime
    threshold: Share
    drift: DriftLimits
    false_positive_budget: FalsePositiveBudget
    least_outcomes: Annotated[int, Field(ge=1)] = 30
    by: tuple[ColumnName, ...] = ()
    at_stake: AtStake | None = None
    numeric_columns: tuple[ColumnName, ...]
    categorical_columns: tuple[ColumnName, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All feature columns, numeric ones first, in the order of their declaration."""
        return self.numeric_columns + self.categorical_columns

    @property
    def span(self) -> str:
        """The stretch of time as both pages print it."""
        return f"{_minute(self.start)} to {_minute(self.end)} UTC"

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.start >= self.end:
            raise ValueError(f"start {self.start} must lie before end {self.end}")
        names = Counter((*self.columns, SCORE, OUTCOME))
        if twice := sorted(name for name, times in names.items() if times > 1):
            raise ValueError(f"feature columns declared twice, or called like ours: {twice}")
        return self


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
