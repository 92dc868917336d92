"""Outcomes as they stand at one age, the same for all: so that slow ones cannot hide.

Of young decisions only the quick outcomes are known. So each decision is looked at once, a declared
time after it was taken: by then it happened, it did not, or it is still open.
"""

from __future__ import annotations

import numpy as np

from firm.time import DAY
from firm.workflow import Workflow
from monitoring.arrivals import overlaps
from monitoring.cases import Flags, Floats, Ints
from monitoring.reference import Reference

DID_NOT, OPEN, HAPPENED = 0, 1, 2
LEVELS = 3


def look_days(workflow: Workflow) -> float:
    """How long after a decision its outcome is looked at."""
    return workflow.watch.look_days or workflow.label.maturity_days


def look(as_of: Ints, outcome: Floats, known_at: Ints, days: float) -> Ints:
    """What was known of each of n decisions so many days after it: DID_NOT, OPEN or HAPPENED."""
    known = ~np.isnan(outcome) & (known_at <= as_of + int(days * DAY))
    return np.where(known, np.where(outcome == 1, HAPPENED, DID_NOT), OPEN).astype(np.int64)


def to_look_at(reference: Reference, days: float) -> Flags:
    """The training rows that had reached the age at the cut, with labels that came as usual."""
    due = reference.as_of + int(days * DAY)
    disturbed = overlaps(reference.disturbed(), reference.as_of, due)
    return np.asarray((due <= reference.cut) & ~disturbed, dtype=np.bool_)


def looked_levels(workflow: Workflow, reference: Reference | None) -> Ints:
    """How many training rows stood at each level at the age; zeros where there are none."""
    if reference is None:
        return np.zeros(LEVELS, dtype=np.int64)
    days, keep = look_days(workflow), to_look_at(reference, look_days(workflow))
    levels = look(reference.as_of[keep], reference.outcome[keep], reference.known_at[keep], days)
    return np.bincount(levels, minlength=LEVELS)
