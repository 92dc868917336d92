"""A benchmark's figures: medians of ratios by round, and goals that are met or missed."""

from __future__ import annotations

from bench.rounds import Goal, by_turns, judged, ratio


def test_a_ratio_is_the_median_of_the_rounds_with_their_spread() -> None:
    assert ratio([80.0, 10.0, 60.0], [10.0, 10.0, 10.0]) == (6.0, (1.0, 8.0))


def test_each_has_its_turn_in_every_round() -> None:
    turns: list[str] = []
    found = by_turns({"one": lambda: turns.append("one"), "two": lambda: turns.append("two")}, 2)
    assert [len(each) for each in found.values()] == [2, 2]
    changes = [turns[n] for n in range(len(turns)) if not n or turns[n] != turns[n - 1]]
    assert changes == ["one", "two", "one", "two", "one", "two"]


def test_a_goal_that_is_missed_is_said_to_be_missed() -> None:
    goals = {"quick": Goal(at_least=8), "small": Goal(below=10), "not measured": Goal(at_least=1)}
    assert judged(goals, {"quick": 7.9, "small": 9.9}) == {
        "quick": {"at_least": 8, "met": False},
        "small": {"below": 10, "met": True},
    }
