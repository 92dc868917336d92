"""What is promised of a workflow's answers, and how much of the room for misses is used up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firm.alerts import Alert, alert
from firm.time import HOUR, Micros, to_datetime
from firm.workflow import Workflow
from monitoring.rates import rate
from monitoring.words import percent

SLOW_SHARE = 0.01
"""A promise of the 99th percentile leaves one answer in a hundred room to be slower."""
STALE_SHARE = 0.01
LATE_LABELS = 0.1
"""Outcomes that may still be open at the declared maturity."""


LEAST_COUNTED = 200
"""Fewer say little of what happens to one in a hundred."""


@dataclass(frozen=True)
class Promise:
    """One promise: so many of `of` missed it, `allowed` is the share that may.

    Attributes:
        budget_left: the share of the room for misses that is left; below 0 it is overspent.
    """

    name: str
    missed: int
    of: int
    allowed: float

    @property
    def budget_left(self) -> float | None:
        """None while there is nothing to count."""
        return 1 - self.missed / self.of / self.allowed if self.of else None

    @property
    def broken(self) -> bool:
        """Whether more than may be missed it, beyond chance."""
        found = rate(self.missed, self.of)
        return found is not None and self.of >= LEAST_COUNTED and found.low > self.allowed


@dataclass(frozen=True)
class Silence:
    """A source that has sent nothing for longer than it may.

    Attributes:
        since: when it was heard last; since when it is waited for, if it never spoke.
        hours: how long it may be silent.
    """

    source: str
    spoke: bool
    since: Micros
    hours: float

    @property
    def due(self) -> Micros:
        """From when on it is silent for too long."""
        return self.since + int(self.hours * HOUR)


def latency(workflow: Workflow, milliseconds: Sequence[float]) -> Promise:
    """How many answers took longer than the declared 99th percentile."""
    slow = sum(one > workflow.slo.latency_p99_ms for one in milliseconds)
    return Promise("latency", slow, len(milliseconds), SLOW_SHARE)


def freshness(stale: int, decisions: int) -> Promise:
    """How many decisions rested on features older than declared."""
    return Promise("freshness", stale, decisions, STALE_SHARE)


def labels(overdue: int, matured: int) -> Promise:
    """How many outcomes were still open at the label's declared maturity."""
    return Promise("labels", overdue, matured, LATE_LABELS)


BROKEN = {
    "latency": (
        "answers-slow",
        "of the answers took longer than promised",
        "It does: who waits for the score acts without it.",
        "Whoever runs the service looks at the load and at the database.",
    ),
    "freshness": (
        "features-stale",
        "of the decisions rested on features older than declared",
        "It does: the model answered about a case as it was, not as it is.",
        "Whoever feeds the events looks for the source that lags.",
    ),
    "labels": (
        "labels-overdue",
        "of the outcomes were still open when they should have been known",
        "It may: the open ones are not in any figure, and are seldom like the others.",
        "The owner asks why cases stay open, or declares a longer maturity.",
    ),
}


def broken(workflow: Workflow, version: str, promise: Promise, at: Micros) -> Alert:
    """A promise that is not kept."""
    kind, what, matters, todo = BROKEN[promise.name]
    return alert(
        workflow,
        version,
        kind,
        at,
        says=(
            f"{percent(promise.missed / promise.of)} {what}; {percent(promise.allowed)} may. "
            "The error budget is overspent."
        ),
        matters=matters,
        todo=todo,
        evidence={"missed": promise.missed, "of": promise.of, "budget_left": promise.budget_left},
    )


def lagging(workflow: Workflow, at: Micros, behind: int, seconds: float) -> Alert:
    """Records wait, and none is taken in."""
    return alert(
        workflow,
        "",
        "stream-lagging",
        at,
        says=f"{behind:,} records wait, and none was taken in for {seconds:.0f} seconds.",
        matters="It does: nothing is scored.",
        todo="Whoever runs the service reads the log of the worker; it starts again by itself.",
        evidence={"behind": behind, "seconds": seconds},
    )


def silent(workflow: Workflow, silence: Silence) -> Alert:
    """A source has sent nothing for longer than declared: one finding, however long it lasts."""
    since = f"{to_datetime(silence.since):%Y-%m-%d %H:%M}"
    come = (
        f"come from {silence.source} since {since}"
        if silence.spoke
        else f"ever come from {silence.source}, which is waited for since {since}"
    )
    return alert(
        workflow,
        "",
        "source-silent",
        silence.due,
        about=silence.source,
        says=f"Nothing has {come}; it may be silent for {silence.hours:g} hours.",
        matters="It does: what happens in the firm meanwhile is not seen.",
        todo=(
            "Whoever feeds the events checks that the system of record sends; if it seldom does, "
            "its mapping declares more `silence_hours`."
        ),
        evidence={"source": silence.source, "since": since, "may_be_silent_hours": silence.hours},
    )
