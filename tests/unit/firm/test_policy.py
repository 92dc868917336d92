"""A policy covers every score, and one band answers each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firm.workflow import ActionSpec, Band, Policy
from tests.unit.firm.samples import POLICY


def band(name: str, at_least: float, *actions: ActionSpec) -> Band:
    return Band(name=name, at_least=at_least, because="it says so", actions=actions)


@pytest.mark.parametrize(
    ("score", "name"), [(0.0, "calm"), (0.49999, "calm"), (0.5, "act"), (1.0, "act")]
)
def test_a_band_starts_at_its_edge(score: float, name: str) -> None:
    assert POLICY.band(score).name == name


@pytest.mark.parametrize("starts", [[], [0.1], [0, 0], [0, 0.6, 0.4], [0, 0.5, 0.5]], ids=str)
def test_bands_start_at_zero_and_rise(starts: list[float]) -> None:
    with pytest.raises(ValidationError, match=r"bands must start at 0 and rise; they start at"):
        Policy(bands=tuple(band(f"band_{n}", start) for n, start in enumerate(starts)))


@pytest.mark.parametrize("start", [-0.1, 1.1, float("nan")])
def test_a_band_starts_within_all_scores(start: float) -> None:
    with pytest.raises(ValidationError, match="at_least"):
        band("wrong", start)


@given(st.floats(0, 1), st.sets(st.floats(0, 1, exclude_min=True), max_size=5))
def test_every_score_has_the_highest_band_that_it_reaches(score: float, edges: set[float]) -> None:
    starts = [0.0, *sorted(edges)]
    policy = Policy(bands=tuple(band(f"band_{n}", start) for n, start in enumerate(starts)))
    assert policy.band(score).at_least == max(start for start in starts if start <= score)


def test_the_alarm_is_the_lowest_score_on_which_something_is_done() -> None:
    act = ActionSpec(kind="notify", says="Look.")
    low, middle, high = band("low", 0), band("middle", 0.4, act), band("high", 0.8, act)
    assert Policy(bands=(low, middle, high)).alarm_at == 0.4
    assert Policy(bands=(low,)).alarm_at == 1.0


def test_only_a_known_role_approves() -> None:
    with pytest.raises(ValidationError, match="approval"):
        ActionSpec(kind="replan", says="Move it.", approval="anybody")  # type: ignore[arg-type]
