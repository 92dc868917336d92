"""What a model is fitted on when its rows lie in files: read anew, batch by batch, as often as
whoever fits it asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from firm.ids import EventId
from firm.time import DAY, Micros
from firm.workflow import Workflow
from training.fit import Fitted
from training.lessons import complemented
from training.partitions import Part, Parts
from training.rehearsal import Rehearsed
from training.rows import Floats
from training.spill import SubjectsOnDisk


@dataclass(frozen=True, slots=True)
class Material:
    """The rows to learn from at a cut, as `training.lessons` takes them from memory.

    It names files and holds numbers, so that it can be sent to other processes on a shared disk.

    Attributes:
        until: no row that was asked later is old enough.
        estimates: of outcomes, where the workflow declares how; None where it does not.
    """

    folder: Path
    slug: str
    names: tuple[str, ...]
    cut: Micros
    until: Micros
    estimates: Mapping[EventId, float] | None

    def months(self) -> list[str]:
        """The months that may hold rows to learn from, oldest first."""
        return Parts(self.folder).months(self.cut)

    def __iter__(self) -> Iterator[Part]:
        for month in self.months():
            yield from self.month(month)

    def month(self, month: str) -> Iterator[Part]:
        """The rows of one month to learn from, each with an outcome."""
        for part in Parts(self.folder).month(month):
            taught = self._taught(part)
            if len(taught):
                yield taught

    def columns(self, feature: str | None) -> tuple[Floats, Floats]:
        """Of all n rows, the outcomes, and one feature (n, 1); without a name, none (n, 0)."""
        here = [] if feature is None else [self.names.index(feature)]
        found = [(part.outcome, part.features[:, here]) for part in self]
        outcomes = [np.empty(0), *(outcome for outcome, _ in found)]
        values = [np.empty((0, len(here))), *(some.astype(np.float64) for _, some in found)]
        return np.concatenate(outcomes), np.concatenate(values)

    def _taught(self, part: Part) -> Part:
        part = part.where((part.as_of < self.cut) & (part.as_of <= self.until))
        known = part.known_from < self.cut
        if self.estimates is None:
            return part.where(known)
        outcome = complemented(self.slug, part.event, part.outcome, known, self.estimates)
        return part.replace(outcome).where(~np.isnan(outcome))


class Fits(Protocol):
    """A way to fit the declared model on rows in files."""

    def __call__(
        self, workflow: Workflow, material: Material, rehearsed: Rehearsed | None = None
    ) -> Fitted:
        """The model, as `training.fit` makes it, with the rounds and the level found on a sample or
        as they are declared; raises CannotTrain as that does."""


def material(workflow: Workflow, parts: Parts, cut: Micros) -> Material:
    """What may be learnt from at the cut; estimates go through the states once."""
    label, estimates = workflow.label, None
    if label.estimate is not None:
        subjects = SubjectsOnDisk(parts.folder)
        estimates = label.estimate(subjects.histories(cut), cut)
        subjects.close()
    until = cut - int(label.least_age_days * DAY)
    return Material(parts.folder, workflow.slug, parts.names, cut, until, estimates)
