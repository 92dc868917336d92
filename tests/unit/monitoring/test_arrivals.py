"""A clean-up of labels is told from more work, and silence from days off."""

from __future__ import annotations

import numpy as np

from firm.time import DAY, HOUR
from monitoring.arrivals import Arrivals, Span, overlaps

FIRST = 20_000


def arrivals(counts: list[int], age: float = 5.0, ages: dict[int, float] | None = None) -> Arrivals:
    """So many outcomes on each day, after so many days; every third says that it happened."""
    found = Arrivals()
    for place, count in enumerate(counts):
        waited = (ages or {}).get(place, age)
        for number in range(count):
            known_at = (FIRST + place) * DAY + number
            found.add(known_at - int(waited * DAY), known_at, float(number % 3 == 0))
    found.close_days((FIRST + len(counts)) * DAY)
    return found


def test_a_clean_up_after_a_silence_is_one_disturbance() -> None:
    found = arrivals([50] * 10 + [2] * 8 + [600] + [50] * 3, ages={18: 14.0})
    (batch,) = found.batches
    assert (batch.day, batch.count, batch.usual) == (FIRST + 18, 600, 50.0)
    assert (batch.age, batch.usual_age) == (14.0, 5.0)
    assert batch.at == (FIRST + 18) * DAY + 200
    silence = Span((FIRST + 10) * DAY, (FIRST + 18) * DAY)
    assert found.silences(FIRST + 22) == [silence]
    whole = Span(silence.start, (FIRST + 19) * DAY)
    assert whole in found.disturbed(FIRST + 22)
    assert found.disturbed(FIRST + 18) == [silence]


def test_more_work_is_no_clean_up() -> None:
    """Six times as many outcomes, none of which had waited longer than usual."""
    assert arrivals([50] * 10 + [300] * 3).batches == []


def test_a_weekend_is_no_silence() -> None:
    assert arrivals(([50] * 5 + [0] * 2) * 4).silences(FIRST + 28) == []


def test_what_few_days_have_shown_is_not_yet_usual() -> None:
    found = arrivals([1, 3, 40, 900], ages={3: 20.0})
    assert found.batches == []
    assert found.silences(FIRST + 4) == []


def test_only_stretches_that_share_an_instant_overlap() -> None:
    spans = [Span(10 * HOUR, 20 * HOUR)]
    starts = np.array([0, 0, 15, 20]) * HOUR
    ends = np.array([10, 11, 30, 30]) * HOUR
    assert overlaps(spans, starts, ends).tolist() == [False, True, True, False]
