"""Groups: what is known of the others in a group of the subject, and of a parent of it."""

from __future__ import annotations

from functools import cache

from firm.groups import Tally
from firm.time import DAY
from firm.vocabulary.expr import Expr, Known, Number, Reads
from firm.vocabulary.series import Point, Series

NOTHING = Tally()


@cache
def known_rate(
    group: str,
    *,
    prior: str,
    strength: float = 10,
    toward: float = 0.5,
    half_life_days: float | None = None,
    within_days: float | None = None,
) -> Expr:
    """The mean of a group's observations known before the bucket of `as_of`: for outcomes, the
    share that came true.

    It is drawn toward the mean of the wider group `prior` with the weight of `strength`
    observations, so that a small group is not believed too much (empirical Bayes:
    (k + s * p) / (n + s)); and that mean toward `toward` in the same way. With a strength of 0 it
    is the bare mean, missing while nothing is known.
    """

    def compute(known: Known) -> Number:
        own = _tally(known, group, within_days, half_life_days)
        if not strength:
            return own.positive / own.known if own.known else None
        wide = _tally(known, prior)
        p = (wide.positive + toward * strength) / (wide.known + strength)
        return (own.positive + strength * p) / (own.known + strength)

    how = ("known_rate", group, prior, strength, toward, within_days, half_life_days)
    return Expr(compute, f"known rate of {group}", _reads(group, prior), how)


def known_count(
    group: str, *, within_days: float | None = None, half_life_days: float | None = None
) -> Expr:
    """How many observations of a group were known before the bucket of `as_of`."""
    return Expr(
        lambda known: _tally(known, group, within_days, half_life_days).known,
        f"count of {group}",
        _reads(group),
        ("known_count", group, within_days, half_life_days),
    )


def known_total(
    group: str, *, within_days: float | None = None, half_life_days: float | None = None
) -> Expr:
    """The sum of the values of a group's observations known before the bucket of `as_of`."""
    return Expr(
        lambda known: _tally(known, group, within_days, half_life_days).positive,
        f"total of {group}",
        _reads(group),
        ("known_total", group, within_days, half_life_days),
    )


def newest_count(group: str, most: int, *, fading: float = 1.0) -> Expr:
    """How many of a group's newest observations there are, up to about so many: 3.0 if three.

    With `fading`, each weighs that much of the one after it, and this is the sum of the weights.
    """
    return Expr(
        lambda known: _newest(known, group, most, fading).known,
        f"count of the newest of {group}",
        _reads(group),
        ("newest_count", group, most, fading),
    )


def newest_total(group: str, most: int, *, fading: float = 1.0) -> Expr:
    """The sum of the values of a group's newest observations, weighted as in `newest_count`."""
    return Expr(
        lambda known: _newest(known, group, most, fading).positive,
        f"total of the newest of {group}",
        _reads(group),
        ("newest_total", group, most, fading),
    )


def days_since_known(group: str) -> Expr:
    """Days from the group's newest observation before the bucket of `as_of` until then."""

    def compute(known: Known) -> Number:
        found = known.groups.get(group)
        last = found.last_before(known.as_of) if found else None
        return None if last is None else (known.as_of - last) / DAY

    return Expr(compute, f"days since {group}", _reads(group), ("days_since_known", group))


def parent(group: str) -> Series:
    """What was observed in a group that the subject belongs to, one value an observation: a parent
    (client, contract, team) is such a group, and what happens to it or to its other children is
    told to it by the workflow's `observe`.

    All words of a series tell of it, as of the request: `parent("invoices").within(90).mean()`,
    `parent("invoices").days_since()`. Like all that is known of groups, an observation counts from
    the bucket after its own; its time is exact. The group has to be declared with
    `keep="values"`, and holds all of them: for parents with up to some thousands.
    """

    def of(known: Known) -> list[Point]:
        found = known.groups.get(group)
        return found.points_before(known.as_of) if found else []

    return Series(of, f"parent's {group}", Reads(parents=frozenset({group})))


def _reads(*groups: str) -> Reads:
    return Reads(groups=frozenset(groups))


def _tally(
    known: Known, group: str, within_days: float | None = None, half_life_days: float | None = None
) -> Tally:
    found = known.groups.get(group)
    return found.before(known.as_of, within_days, half_life_days) if found else NOTHING


def _newest(known: Known, group: str, most: int, fading: float) -> Tally:
    found = known.groups.get(group)
    return found.newest(known.as_of, most, fading) if found else NOTHING
