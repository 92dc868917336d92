"""A group's outcomes count from the day after the one on which they became known."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.groups import Group, Tally
from firm.time import DAY

outcomes = st.lists(
    st.tuples(st.integers(0, 20 * DAY), st.sampled_from([0.0, 1.0])), min_size=1, max_size=12
)
quantities = st.lists(
    st.tuples(st.integers(0, 3 * DAY), st.floats(-9, 1e6)), min_size=1, max_size=12
)


def group(*outcomes: tuple[float, float]) -> Group:
    """Outcomes by the days on which they became known."""
    found = Group()
    for day, value in outcomes:
        found.record(int(day * DAY), value)
    return found


@pytest.mark.parametrize(
    ("as_of", "known"), [(0, 0), (5.9, 0), (6, 2), (6.999, 2), (7, 3), (1e5, 3)]
)
def test_what_became_known_today_counts_from_tomorrow(as_of: float, known: int) -> None:
    found = group((5.0, 1), (5.99, 0), (6.0, 1))
    assert found.before(int(as_of * DAY)).known == known


def test_a_window_takes_so_many_whole_days() -> None:
    found = group((5, 1), (6, 1), (7, 0), (8, 1))
    assert found.before(8 * DAY, within_days=2) == Tally(2, 1)
    assert found.before(9 * DAY, within_days=2) == Tally(2, 1)
    assert found.before(8 * DAY, within_days=0) == Tally(0, 0)
    assert found.before(90 * DAY, within_days=2) == Tally(0, 0)


def test_a_half_life_halves_what_is_that_many_days_old() -> None:
    found = group((0, 1), (10, 0), (20, 1))
    assert found.before(20 * DAY, half_life_days=10) == Tally(0.25 + 0.5, 0.25)
    assert found.before(30 * DAY, half_life_days=10) == Tally(0.125 + 0.25 + 0.5, 0.125 + 0.5)


def test_window_and_half_life_work_together() -> None:
    found = group((0, 1), (10, 1))
    assert found.before(20 * DAY, within_days=10, half_life_days=10) == Tally(0.5, 0.5)


def test_the_newest_are_those_before_the_day_that_is_asked_for() -> None:
    found = group((0, 1), (1, 0), (2, 1), (3, 1))
    assert found.newest(3 * DAY, most=2) == Tally(2, 1)
    assert found.newest(300 * DAY, most=2) == Tally(2, 2)
    assert found.newest(300 * DAY, most=20) == Tally(4, 3)
    assert Group().newest(DAY, most=2) == Tally()


def test_the_newest_fade_one_by_one_however_long_ago_they_were() -> None:
    found = group((0, 1), (1, 0), (9, 1))
    assert found.newest(10 * DAY, most=20, fading=0.5) == Tally(1.75, 1.25)


def test_the_newest_of_one_day_share_their_weights_and_corrections_count_for_none() -> None:
    found = group((0, 1), (0, 0))
    assert found.newest(DAY, most=20, fading=0.5) == Tally(1.5, 0.75)
    found.record(2 * DAY, 1.0, count=0.0)
    assert found.newest(3 * DAY, most=2) == Tally(2, 2)


@given(st.one_of(outcomes, quantities), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_bytes(
    outcomes: list[tuple[int, float]], rng: object
) -> None:
    one, two = Group(kept=[]), Group(kept=[])
    for known_at, value in outcomes:
        one.record(known_at, value)
    rng.shuffle(outcomes)  # type: ignore[attr-defined]
    for known_at, value in outcomes:
        two.record(known_at, value)
    assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(two)


@given(quantities, quantities)
def test_taking_back_undoes_counting_in(
    kept: list[tuple[int, float]], gone: list[tuple[int, float]]
) -> None:
    one, two = Group(kept=[]), Group(kept=[])
    for known_at, value in kept:
        one.record(known_at, value)
        two.record(known_at, value)
    for known_at, value in gone:
        two.record(known_at, value)
    for known_at, value in gone:
        two.record(known_at, -value, -1)
    assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(two)


@given(outcomes, st.integers(0, 30 * DAY))
def test_a_tally_is_the_same_as_counted_by_hand(
    outcomes: list[tuple[int, float]], as_of: int
) -> None:
    found = group(*[(at / DAY, value) for at, value in outcomes])
    values = [value for at, value in outcomes if int(at / DAY) < as_of // DAY]
    assert found.before(as_of) == Tally(len(values), sum(values))


@given(quantities, st.integers(0, 4 * DAY))
def test_what_is_kept_one_by_one_adds_up_to_what_is_kept_as_sums(
    observed: list[tuple[int, float]], as_of: int
) -> None:
    found = Group(kept=[])
    for at, value in observed:
        found.record(at, value)
    points = found.points_before(as_of)
    assert points == sorted(points)
    assert Tally(len(points), sum(value for _, value in points)) == found.before(as_of)


def test_alike_observations_are_kept_once_and_counted() -> None:
    found = Group(kept=[])
    found.record(5, 6.0, 2)
    found.record(5, 3.0)
    assert found.kept == [(5, 3.0, 3.0)]
    assert found.points_before(DAY) == [(5, 3.0)] * 3
    found.record(5, -9.0, -3)
    assert (found.kept, found.buckets) == ([], [])


def test_a_group_keeps_no_single_observation_unless_it_is_asked_to() -> None:
    found = group((1, 5.0))
    assert found.kept is None
    assert found.points_before(9 * DAY) == []


def test_what_is_recorded_between_two_questions_counts_in_the_second() -> None:
    found = Group()
    for count in range(1, 4):
        found.record(5 * DAY, 1.0)
        assert found.before(8 * DAY) == Tally(count, count)
        assert found.before(8 * DAY, within_days=3) == Tally(count, count)
    assert found.before(5 * DAY) == Tally()
