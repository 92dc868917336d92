"""The fairness of a version, as far as training knows of it: figures that somebody else computes.

Training hands over whom a version would show, and gets back gates, words and figures of many
people. It never sees who has which protected attribute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from firm.fairness import FAIRNESS_GATE
from firm.workflow import Workflow
from training.fit import Fitted
from training.gates import GateResult
from training.selection import Sampled, Selection


@dataclass(frozen=True, slots=True)
class FairnessEvidence:
    """What is kept with a version: gates, its section of the card, figures by name, pictures."""

    gates: Sequence[GateResult] = ()
    words: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    pictures: Sequence[Path] = ()


class JudgesFairness(Protocol):
    """The fairness job: it alone reads the vault."""

    def __call__(self, workflow: Workflow, selection: Selection, folder: Path) -> FairnessEvidence:
        """Judge whom a version would show; pictures are drawn into the folder."""


def evidence(
    workflow: Workflow,
    sampled: Sampled,
    model: Fitted,
    judges: JudgesFairness | None,
    folder: Path,
) -> FairnessEvidence:
    """Have the version judged, where its workflow declares fairness. A version that nobody could
    judge fails, so that it decides nothing."""
    if workflow.fairness is None:
        return FairnessEvidence()
    selection = sampled.ranked_by(model, workflow.fairness.top)
    if judges is None or not selection.rankings:
        why = "no fairness job was there to judge it" if judges is None else "nobody was ranked"
        return FairnessEvidence([unjudged(why)], f"Not judged: {why}.")
    return judges(workflow, selection, folder)


def unjudged(why: str) -> GateResult:
    """The gate of a version of which nothing could be said; `why` also says what to do."""
    return GateResult(f"{FAIRNESS_GATE} ({why})", None, "at most", 0, passed=False)
