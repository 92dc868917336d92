"""Series: the values of a field with their times, and the numbers that sum them up."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from functools import cache
from math import exp, exp2, isfinite, log, sqrt

from firm.time import DAY, Micros
from firm.vocabulary.expr import NOTHING, Expr, How, Known, Number, Reads

Point = tuple[Micros, float]
WINDOWS = (1.0, 7.0, 30.0, 90.0)
"""Days: since yesterday, in a week, in a month, in a quarter."""


class Series:
    """Values with their times, oldest first, missing ones left out: of one field over the subject's
    entries, or of what was observed of its parent."""

    def __init__(
        self,
        of: Callable[[Known], list[Point]],
        words: str,
        reads: Reads = NOTHING,
        how: How = (),
        timeless: bool = False,
    ) -> None:
        self._of = of
        self.words = words
        self.reads = reads
        self.how = how
        self.timeless = timeless

    def points(self, known: Known) -> list[Point]:
        """(time, value) of each entry that has one; not to be changed."""
        found = known.lasting if self.timeless else known.found
        points: list[Point] | None = found.get(self)
        if points is None:
            points = found[self] = self._of(known)
        return points

    def within(self, days: float) -> Series:
        """Only the values of the last so many days before `as_of`."""

        def of(known: Known) -> list[Point]:
            start = known.as_of - days * DAY
            return [point for point in self.points(known) if point[0] > start]

        return Series(of, f"{self.words} within {days:g}d", self.reads, ("within", self, days))

    def changes(self) -> Series:
        """The differences between neighbours, at the time of the later one."""

        def of(known: Known) -> list[Point]:
            points = self.points(known)
            return [(b[0], b[1] - a[1]) for a, b in itertools.pairwise(points)]

        return self._mapped(of, f"changes of {self.words}", "changes")

    def above(self, limit: float) -> Series:
        """1 where the value is above the limit, 0 where it is not."""

        def of(known: Known) -> list[Point]:
            return [(at, float(value > limit)) for at, value in self.points(known)]

        return self._mapped(of, f"{self.words} above {limit:g}", "above", limit)

    def clip(self, low: float, high: float) -> Series:
        """The values, but none outside [low, high]."""

        def of(known: Known) -> list[Point]:
            return [(at, min(max(value, low), high)) for at, value in self.points(known)]

        return self._mapped(of, f"{self.words} in [{low:g}, {high:g}]", "clipped", low, high)

    def nonzero(self) -> Series:
        """Only the values that are not zero."""

        def of(known: Known) -> list[Point]:
            return [point for point in self.points(known) if point[1] != 0]

        return self._mapped(of, f"nonzero {self.words}", "nonzero")

    def last(self, back: int = 0) -> Expr:
        """The newest value, or the one so many places before it."""

        def pick(values: list[float]) -> Number:
            return values[-1 - back] if len(values) > back else None

        return self._reduce(pick, f"last({back})", "last", back)

    def first(self) -> Expr:
        """The oldest value."""
        return self._reduce(lambda values: values[0] if values else None, "first", "first")

    def count(self) -> Expr:
        """How many values there are; 0 where there are none."""
        return self._reduce(lambda values: float(len(values)), "count", "count")

    def total(self) -> Expr:
        """The sum; 0 where there are none."""
        return self._reduce(in_order, "sum", "total")

    def mean(self) -> Expr:
        """The mean of the values."""
        return self._reduce(lambda v: in_order(v) / len(v) if v else None, "mean", "mean")

    def highest(self) -> Expr:
        """The largest value."""
        return self._reduce(lambda values: max(values, default=None), "max", "highest")

    def lowest(self) -> Expr:
        """The smallest value."""
        return self._reduce(lambda values: min(values, default=None), "min", "lowest")

    def spread(self) -> Expr:
        """The standard deviation (population); missing for fewer than two values."""

        def compute(values: list[float]) -> Number:
            if len(values) < 2:
                return None
            mean = sum(values) / len(values)
            return sqrt(sum((v - mean) * (v - mean) for v in values) / len(values))

        return self._reduce(compute, "spread")

    def distinct(self) -> Expr:
        """How many different values there are."""
        return self._reduce(lambda values: float(len(set(values))), "distinct")

    def decayed(self, half_life_days: float) -> Expr:
        """The mean in which a value weighs half as much for each half-life that has passed."""
        rate = log(2) / (half_life_days * DAY)

        def compute(known: Known) -> Number:
            points = self.points(known)
            weight = total = 0.0
            for at, value in points:
                w = exp(-rate * (points[-1][0] - at))  # silence fades all alike, down to 0 / 0
                weight += w
                total += w * value
            return total / weight if weight else None

        words = f"decayed({half_life_days:g}d) of {self.words}"
        return Expr(compute, words, self.reads, timeless=self.timeless)

    def decayed_total(self, half_life_days: float) -> Expr:
        """The sum in which a value weighs half as much for each half-life passed until `as_of`:
        sum of v * 0.5 ** (age / half-life). Of `events()` it is a count that silence fades."""
        half_life = half_life_days * DAY

        def compute(known: Known) -> Number:
            ages = ((v, (known.as_of - at) / half_life) for at, v in self.points(known))
            return sum(v * exp2(-age) for v, age in ages)

        return Expr(compute, f"decayed sum({half_life_days:g}d) of {self.words}", self.reads)

    def rate(self, days: float | None = None) -> Expr:
        """How many values a day came: those of the last so many days, divided by them.

        Without a number of days, of all its life: all values, divided by the days since the first
        of them; missing in the very instant of that one.
        """
        if days is not None:
            return self.within(days).count() / days
        return self.count() / self.days_from_first()

    def fading(self, factor: float) -> Expr:
        """The mean in which each value weighs `factor` times as much as the one after it."""

        def compute(values: list[float]) -> Number:
            weights = [factor**back for back in range(len(values))]
            total = in_order(w * v for w, v in zip(weights, reversed(values), strict=True))
            return total / in_order(weights) if weights else None

        return self._reduce(compute, f"fading({factor:g})", "fading", factor)

    def trend(self) -> Expr:
        """The slope of the least-squares line, per day; missing for fewer than two instants."""

        def compute(known: Known) -> Number:
            points = self.points(known)
            if len(points) < 2:
                return None
            days = [(at - points[0][0]) / DAY for at, _ in points]
            middle = sum(days) / len(days)
            mean = sum(v for _, v in points) / len(points)
            across = sum((d - middle) ** 2 for d in days)
            along = sum((d - middle) * (p[1] - mean) for d, p in zip(days, points, strict=True))
            return along / across if across else None

        return Expr(compute, f"trend of {self.words}", self.reads, timeless=self.timeless)

    def days_since(self) -> Expr:
        """Days from the newest value until `as_of`: it grows while nothing happens."""

        def compute(known: Known) -> Number:
            points = self.points(known)
            return (known.as_of - points[-1][0]) / DAY if points else None

        return Expr(compute, f"days since {self.words}", self.reads, ("days_since", self))

    def days_from_first(self) -> Expr:
        """Days from the oldest value until `as_of`."""

        def compute(known: Known) -> Number:
            points = self.points(known)
            return (known.as_of - points[0][0]) / DAY if points else None

        words = f"days from first {self.words}"
        return Expr(compute, words, self.reads, ("days_from_first", self))

    def _reduce(
        self, reduce: Callable[[list[float]], Number], words: str, word: str = "", *said: float
    ) -> Expr:
        def compute(known: Known) -> Number:
            return reduce([value for _, value in self.points(known)])

        how = (word, self, *said) if word else ()
        return Expr(compute, f"{words} of {self.words}", self.reads, how, self.timeless)

    def _mapped(
        self, of: Callable[[Known], list[Point]], words: str, word: str, *said: float
    ) -> Series:
        return Series(of, words, self.reads, (word, self, *said), self.timeless)


def in_order(values: Iterable[float]) -> float:
    """The sum from left to right: `sum` adds otherwise from Python 3.12 on, to another last bit."""
    total = 0.0
    for value in values:
        total += value
    return total


@cache
def series(name: str) -> Series:
    """The numbers that the fold put under this name."""

    def of(known: Known) -> list[Point]:
        found = []
        for entry in known.entries:
            value = entry.values.get(name)
            if isinstance(value, int | float) and isfinite(value):
                found.append((entry.at, float(value)))
        return found

    return Series(of, name, Reads(numbers=frozenset({name})), ("series", name), timeless=True)


def events(type_: str | None = None) -> Series:
    """A 1 for each entry, or for each entry of one type of event."""

    def of(known: Known) -> list[Point]:
        return [(e.at, 1.0) for e in known.entries if type_ is None or e.type == type_]

    types = frozenset() if type_ is None else frozenset({type_})
    return Series(of, type_ or "events", Reads(types=types), ("events", type_), timeless=True)


def days_until(name: str) -> Expr:
    """Days from `as_of` to the newest date under this name (the fold keeps dates as days)."""
    newest = series(name).last()

    def compute(known: Known) -> Number:
        day = newest(known)
        return None if day is None else day - known.as_of / DAY

    return Expr(compute, f"days until {name}", newest.reads, ("days_until", newest))


def windows(of: Series) -> dict[str, Series]:
    """The series over each of `WINDOWS` and over its life: "1d", "7d", "30d", "90d", "life".

    For features of one kind: `for name, hours in windows(series("hours")).items(): hours.total()`.
    """
    return {**{f"{days:g}d": of.within(days) for days in WINDOWS}, "life": of}
