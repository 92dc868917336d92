"""What can be wrong with the rows that a report is asked about."""

from __future__ import annotations

from collections.abc import Sequence

from firm.errors import HeadwayError


class MonitoringError(HeadwayError):
    """Base of the errors of monitoring."""

    kind = "monitoring-error"


class BadRows(MonitoringError):
    """The rows do not keep the contract of `write_report`; all that is wrong is said at once."""

    kind = "bad-rows"

    def __init__(self, workflow: str, problems: Sequence[str]) -> None:
        self.workflow = workflow
        self.problems = tuple(problems)
        super().__init__(
            f"cannot report on {workflow}:\n" + "\n".join(f"  - {p}" for p in self.problems)
        )


class FiguresDisagree(MonitoringError):
    """Evidently and Headway come to different figures from the same rows.

    The report would contradict itself, so none is written. It means that another version of
    Evidently decides otherwise on drift: pin the version of the last good report, then compare.
    """

    kind = "figures-disagree"
