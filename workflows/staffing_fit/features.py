"""What a model sees of a ticket as it is opened: the ticket itself, and what became of its like."""

from __future__ import annotations

from collections.abc import Callable

from firm.vocabulary import Expr, known_count, known_rate, ordered, series
from firm.workflow import Feature
from workflows.staffing_fit.fold import NONE
from workflows.staffing_fit.groups import LIKENESS, SKILLS, Key, named

TICKET = "first change of the ticket (ITSM)"
EARLIER = "earlier tickets, as known before the six hours of the score"
STATES = {
    "New": 0.0,
    "Active": 1.0,
    "Awaiting User Info": 2.0,
    "Awaiting Vendor": 3.0,
    "Awaiting Problem": 4.0,
    "Awaiting Evidence": 5.0,
    "Resolved": 6.0,
    "Closed": 7.0,
}
LATELY_DAYS = 3.0
"""Half-life of the rates that forget: routing changes within a week."""


def each(
    keys: tuple[Key, ...], name: str, of: Callable[[Key], Expr], unit: str, why: str
) -> tuple[Feature, ...]:
    """The same feature for each of the keys."""
    return tuple(
        Feature(name=named(name, key), of=of(key), unit=unit, why=_of(why, key), source=EARLIER)
        for key in keys
    )


def share_solved_by_this_group(key: Key) -> Expr:
    """Of the tickets with these texts, how many this ticket's group solved; few are drawn toward
    its share of all tickets."""
    of_all = (known_count("solved_by_group") + 0.5) / (known_count("solved") + 10)
    by_it = known_count(named("solved_by", (*key, "group")))
    return (by_it + of_all * 3) / (known_count(named("solved", key)) + 3)


def reassigned(key: Key) -> Expr:
    """How often tickets with these texts were reassigned."""
    return known_rate(named("reassigned", key), prior="reassigned", strength=8)


def reassigned_lately(key: Key) -> Expr:
    """The same, older tickets counting less."""
    return known_rate(
        named("reassigned", key), prior="reassigned", strength=4, half_life_days=LATELY_DAYS
    )


def missing(name: str) -> Expr:
    """1 where nobody filled in this text."""
    return ordered(name, {NONE: 1.0}).otherwise(0.0)


def _of(why: str, key: Key) -> str:
    return f"{why} with the same {' and '.join(text.replace('_', ' ') for text in key)}"


def _ticket(name: str, of: Expr, unit: str, why: str) -> Feature:
    return Feature(name=name, of=of, unit=unit, why=why, source=TICKET)


FEATURES = (
    _ticket(
        "first_state", ordered("state", STATES), "place", "what is solved at once stays where it is"
    ),
    _ticket("priority", series("priority").last(), "level", "urgent tickets are routed with care"),
    _ticket("impact", series("impact").last(), "level", "wide impact brings in other groups"),
    _ticket("urgency", series("urgency").last(), "level", "urgent tickets are routed with care"),
    _ticket(
        "opened", series("opened").last(), "days since Monday", "other people route at the weekend"
    ),
    _ticket("hour", series("hour").last(), "hours", "other people route at night"),
    _ticket("group_missing", missing("group"), "1", "a ticket of no group is yet to be routed"),
    _ticket("symptom_missing", missing("symptom"), "1", "what is not described is misrouted"),
    _ticket("category_missing", missing("category"), "1", "what is not described is misrouted"),
    _ticket("opened_by_missing", missing("opened_by"), "1", "opened by a system, not a person"),
    Feature(
        name="reassigned",
        of=known_rate("reassigned", prior="reassigned", strength=8),
        unit="share",
        why="how often tickets are reassigned at all",
        source=EARLIER,
    ),
    Feature(
        name="reassigned_lately",
        of=known_rate("reassigned", prior="reassigned", strength=4, half_life_days=LATELY_DAYS),
        unit="share",
        why="how often tickets are reassigned of late",
        source=EARLIER,
    ),
    *each(LIKENESS, "reassigned", reassigned, "share", "how often it happened to tickets"),
    *each(LIKENESS, "lately", reassigned_lately, "share", "how often, of late, to tickets"),
    *each(
        LIKENESS,
        "known",
        lambda key: known_count(named("reassigned", key)),
        "tickets",
        "how far to believe the rate of tickets",
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
