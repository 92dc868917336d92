"""The features of billing readiness: how its unit fares just now, and how far the request has come.

Units differ from the portfolio by little and not for long. So every rate is of the newest cases,
and is told as the difference to the portfolio: the levels of both drift. Raw levels and volumes
tell the period instead of the case, and do harm.
"""

from __future__ import annotations

from firm.vocabulary import (
    Expr,
    code,
    constant,
    days_since_known,
    is_in,
    known_count,
    known_total,
    newest_count,
    newest_total,
    series,
)
from firm.workflow import Feature

REQUEST = "steps of the request (ERP)"
UNIT = "steps of the unit's other requests, seen before the minute of the score"
YEAR = 365.0
STRENGTH = 20.0
"""A rate of a group is believed by half once so many cases stand behind it."""
USUAL = constant(0.16)
"""Where nothing is known yet: about one request in six is rejected."""


def hours_since(group: str) -> Expr:
    """The logarithm of the hours since the newest observation of a group."""
    return (days_since_known(group) * 24).log()


def drawn(group: str, toward: Expr, half_life_days: float) -> Expr:
    """A group's share that came true, drawn toward another one while little is known of it."""
    total = known_total(group, half_life_days=half_life_days)
    count = known_count(group, half_life_days=half_life_days)
    return (total + toward * STRENGTH) / (count + STRENGTH)


everywhere = drawn("all", USUAL, YEAR)
step_rate = drawn("step", everywhere, YEAR)
submitted = known_total("submissions", within_days=30), known_count("submissions", within_days=30)
rejected_lately = (submitted[0] + 3) / (submitted[1] + 20)
ended_lately = drawn("endings", USUAL, 10)
newest_submissions = newest_total("unit_submissions", 20), newest_count("unit_submissions", 20)
newest_endings = (
    newest_total("unit_endings", 12, fading=0.7),
    newest_count("unit_endings", 12, fading=0.7),
)
on_its_way = constant(1) / (constant(1) - is_in("kind", "submitted"))
"""1, but missing at a submission: what is multiplied by it is not told there, where it orders
nothing, and what trees learnt of it did harm."""

FEATURES = (
    Feature(
        name="step",
        of=code("step"),
        unit="code",
        why="how often a rejection follows is above all a matter of the step reached",
        source=REQUEST,
    ),
    Feature(
        name="since_unit_rejection",
        of=hours_since("unit_rejections"),
        unit="log hours",
        why="rejections of a unit come in runs",
        source=UNIT,
        monotone=-1,
    ),
    Feature(
        name="since_unit_refusal",
        of=hours_since("unit_refusals"),
        unit="log hours",
        why="those by an approver say more than the submitters' own withdrawals",
        source=UNIT,
        monotone=-1,
    ),
    Feature(
        name="unit_step_against_step",
        of=drawn("unit_step", step_rate, YEAR) - step_rate,
        unit="share",
        why="some units are rejected more often at this step, over the year",
        source=UNIT,
        monotone=1,
    ),
    Feature(
        name="unit_rejected_of_20",
        of=(newest_submissions[0] + rejected_lately * 4) / (newest_submissions[1] + 4)
        - rejected_lately,
        unit="share",
        why="how the unit's newest submissions fare, without waiting for their payment",
        source=UNIT,
        monotone=1,
    ),
    Feature(
        name="unit_endings_fading",
        of=(newest_endings[0] - newest_endings[1] * ended_lately) * 0.3,
        unit="share",
        why="how the unit's newest submissions ended, the newest most",
        source=UNIT,
        monotone=1,
    ),
    Feature(
        name="rejections",
        of=series("rejected").count() * on_its_way,
        unit="count",
        why="a request that was rejected before has had its errors mended, or has more of them",
        source=REQUEST,
    ),
    Feature(
        name="since_step",
        of=(series("day").changes().last().otherwise(0) * 24).log() * on_its_way,
        unit="log hours",
        why="what lies long between two steps had something to be cleared up",
        source=REQUEST,
    ),
)
AMOUNT = Feature(
    name="amount",
    of=series("amount").last().log(),
    unit="log EUR",
    why="large amounts are looked at more closely",
    source="the request's amount as it stood in the end (ERP)",
    monotone=1,
)
