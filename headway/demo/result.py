"""What the demo found, as `--json` prints it."""

from __future__ import annotations

import msgspec

from firm.store import Counts


class Events(msgspec.Struct, frozen=True, rename={"received": "in"}):
    """What came in during the first replay, and what became of it."""

    received: int
    counted: int
    late: int
    duplicate: int
    rejected: int
    rejected_because: dict[str, int] = {}

    @classmethod
    def of(cls, sent: int, counts: Counts, reasons: dict[str, int]) -> Events:
        """`sent` is counted where the events are sent, the rest where they are taken in."""
        return cls(sent, counts.counted, counts.late, counts.duplicate, counts.rejected, reasons)


class Parity(msgspec.Struct, frozen=True):
    """Training rows against what the stream had decided on."""

    rows: int
    mismatched_rows: int


class Decisions(msgspec.Struct, frozen=True):
    """Decisions on the log, and those asked for by stream and by HTTP alike."""

    total: int
    by_band: dict[str, int]
    by_model: dict[str, int]
    http_compared: int
    http_mismatches: int
    differences: list[str] = []


class Replayed(msgspec.Struct, frozen=True):
    """What a second replay of the same log has changed."""

    events: int
    changed_decisions: int
    changed_features: int


class Judged(msgspec.Struct, frozen=True):
    """The model on what came after it was trained."""

    n: int
    auc: float | None
    pr_auc: float | None
    brier: float
    constant_brier: float
    ece: float


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from an event sent to its decision on the topic, and of a score by HTTP."""

    event_to_decision_p50_ms: float
    event_to_decision_p99_ms: float
    http_p50_ms: float
    http_p99_ms: float
    how: str


class Refusal(msgspec.Struct, frozen=True):
    """A bad input, and how it was refused on the stream and over HTTP."""

    input: str
    stream: str
    http: str


class Model(msgspec.Struct, frozen=True):
    """The version that was trained and promoted."""

    version: str
    trained_on: int
    cut: str
    gates: dict[str, float]


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one workflow.

    Attributes:
        steps: the quality by step of the process, where the workflow has steps.
        judged_at: the step that `quality` is of; empty where scores are asked at one step only.
    """

    workflow: str
    events: Events
    model: Model
    parity: Parity
    decisions: Decisions
    replay: Replayed
    quality: Judged
    judged_at: str = ""
    steps: dict[str, Judged] = {}
    reference: dict[str, float]
    reference_by: str
    latency: Latency
    report: str
    summary: str


class Result(Scored, frozen=True, kw_only=True):
    """The demo's findings on the log's first workflow and, in `others`, on the other ones; `failed`
    names everything that did not hold."""

    log: str
    window: str
    disturbed: str
    refusals: list[Refusal]
    actions: dict[str, int]
    audit_links: int
    others: list[Scored]
    api: str
    mlflow: str
    seconds: float
    failed: list[str]

    @property
    def workflows(self) -> list[Scored]:
        """The findings on each workflow."""
        return [self, *self.others]
