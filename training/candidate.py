"""A version that was trained and is to be registered, with the evidence for and against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firm.time import Micros
from training.fairness import FairnessEvidence
from training.fit import Fitted
from training.gates import GateResult
from training.quality import Quality
from training.rows import TrainingRows


@dataclass(frozen=True, slots=True)
class Candidate:
    """All that the registry keeps of a version.

    Attributes:
        rows: what `fitted` was fitted on.
        quality, gates: on rows held out by time.
        parts: the same quality by kind (step, a declared slice) and by value.
        card: what the workflow's own model card says; empty where it has none.
        pictures: files to keep beside the card.
        code_version: the commit or release that trained it.
        at: when it was trained, microseconds since 1970.
        fairness: figures of many people; its gates are among `gates`.
    """

    fitted: Fitted
    rows: TrainingRows
    cut: Micros
    quality: Quality
    parts: Mapping[str, Mapping[str, Quality]]
    gates: Sequence[GateResult]
    card: str
    pictures: Sequence[Path]
    code_version: str
    trained_by: str
    at: Micros
    fairness: FairnessEvidence = field(default_factory=FairnessEvidence)

    @property
    def gates_passed(self) -> bool:
        """Whether it may be promoted: gates were checked, and none failed."""
        return bool(self.gates) and all(gate.passed for gate in self.gates)
