"""A workflow is due when its newest version is as old as the cycle that it declares."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from firm.promotion import Registration
from firm.time import DAY, Micros
from firm.workflow import Workflow
from headway.retraining import due
from tests.unit.training.small import WORKFLOW

NOW: Micros = 20_000 * DAY


def trained(*at: Micros) -> Callable[[str], list[Registration]]:
    """What the store keeps of trainings at these times."""
    return lambda slug: [Registration(slug, "1", "file:", "", 1, "ada", t, {}) for t in at]


def every(days: float | None) -> Workflow:
    model = WORKFLOW.model.model_copy(update={"retrain_days": days})
    return WORKFLOW.model_copy(update={"model": model})


@pytest.mark.parametrize(
    ("at", "is_due"),
    [
        ([], True),
        ([NOW - 7 * DAY], True),
        ([NOW - 7 * DAY + 1], False),
        ([NOW - 30 * DAY, NOW, NOW - 9 * DAY], False),
    ],
)
def test_it_is_due_when_its_cycle_is_over(at: list[Micros], is_due: bool) -> None:
    weekly = every(7)
    assert due([weekly], trained(*at), NOW) == ([weekly] if is_due else [])


def test_what_declares_no_cycle_is_never_due() -> None:
    assert due([every(None)], trained(), NOW) == []
