"""What a model sees of a ticket as it is opened: the ticket itself, and how long its like took."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from firm.vocabulary import Expr, known_count, known_rate, known_total, ordered, series
from firm.workflow import Feature
from workflows.service_level.fold import NEW, NONE
from workflows.service_level.groups import LIKENESS, SKILLS, Key, named

TICKET = "first change of the ticket (ITSM)"
EARLIER = "earlier tickets, as known before the six hours of the score"


class Memory(NamedTuple):
    """How soon earlier tickets are forgotten, and with the weight of how many a few are drawn
    toward all."""

    half_life_days: float
    strength: float


MEMORIES = {"slow": Memory(7.0, 4.0), "hours": Memory(7.0, 4.0), "moved": Memory(3.0, 2.0)}
"""March says little of April; who passes tickets on to whom changes within a week."""


def each(
    keys: tuple[Key, ...], name: str, of: Callable[[Key], Expr], unit: str, why: str
) -> tuple[Feature, ...]:
    """The same feature for each of the keys."""
    return tuple(
        Feature(name=named(name, key), of=of(key), unit=unit, why=_of(why, key), source=EARLIER)
        for key in keys
    )


def lately(family: str, key: Key) -> Expr:
    """The mean of what tickets with these texts showed of late; few are drawn toward that of all
    tickets of late."""
    group, (half_life, strength) = named(family, key), MEMORIES[family]
    total = known_total(group, half_life_days=half_life)
    return (total + _of_all(family) * strength) / (
        known_count(group, half_life_days=half_life) + strength
    )


def share_solved_by_this_group(key: Key) -> Expr:
    """Of the tickets with these texts, how many this ticket's group solved; few are drawn toward
    its share of all tickets."""
    of_all = (known_count("solved_by_group") + 0.5) / (known_count("solved") + 10)
    by_it = known_count(named("solved_by", (*key, "group")))
    return (by_it + of_all * 3) / (known_count(named("solved", key)) + 3)


def is_text(name: str, text: str) -> Expr:
    """1 where it is this text, 0 where it is another."""
    return ordered(name, {text: 1.0}).otherwise(0.0)


def missing(name: str) -> Expr:
    """1 where nobody filled in this text."""
    return is_text(name, NONE)


def _of_all(family: str) -> Expr:
    half_life, strength = MEMORIES[family]
    return known_rate(family, prior=family, strength=strength, half_life_days=half_life)


def _of(why: str, key: Key) -> str:
    return f"{why} with the same {' and '.join(text.replace('_', ' ') for text in key)}"


def _ticket(name: str, of: Expr, unit: str, why: str) -> Feature:
    return Feature(name=name, of=of, unit=unit, why=why, source=TICKET)


FEATURES = (
    _ticket("is_new", is_text("state", NEW), "1", "what somebody works on already is sooner done"),
    _ticket("priority", series("priority").last(), "level", "the promise depends on it"),
    _ticket("impact", series("impact").last(), "level", "wide impact draws attention"),
    _ticket("urgency", series("urgency").last(), "level", "urgent tickets are taken first"),
    _ticket("opened", series("opened").last(), "days since Monday", "weekends delay the work"),
    _ticket("hour", series("hour").last(), "hours", "nights delay the work"),
    _ticket("group_missing", missing("group"), "1", "a ticket of no group waits for one"),
    _ticket("symptom_missing", missing("symptom"), "1", "what is not described takes longer"),
    _ticket("category_missing", missing("category"), "1", "what is not described takes longer"),
    _ticket("opened_by_missing", missing("opened_by"), "1", "opened by a system, not a person"),
    *each(
        LIKENESS,
        "slow",
        lambda key: lately("slow", key),
        "share",
        "how many were too slow, of late, of the tickets",
    ),
    *each(
        LIKENESS,
        "hours",
        lambda key: lately("hours", key),
        "log hours",
        "how long they took, of late, tickets",
    ),
    *each(
        LIKENESS,
        "moved",
        lambda key: lately("moved", key),
        "share",
        "how many went to another group, of late, of the tickets",
    ),
    *each(
        SKILLS, "match", share_solved_by_this_group, "share", "how many its group solved of those"
    ),
    *each(
        SKILLS,
        "solved",
        lambda key: known_count(named("solved", key)),
        "tickets",
        "how far to believe the share of those",
    ),
)
