"""The words in which a workflow says its features.

A feature is an expression over what is known of a subject *as of* an instant. Expressions combine
with + - * / and comparisons; a part that is missing makes the whole missing (None), and so does a
division by zero. Nothing here reads a clock: time passes only through `as_of`.

    slip = last("forecast").minus(previous("forecast"))
    Feature("slip_trend", trend("forecast"), unit="days/day", why="...", source="PSA")
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, isfinite, log, log1p, sqrt
from zlib import crc32

from firm.groups import Group, Tally
from firm.history import Entry, Value
from firm.time import DAY, Micros

Number = float | None


@dataclass(frozen=True, slots=True)
class Known:
    """All that may be known of a subject as of an instant.

    Attributes:
        entries: the subject's own entries up to and including `as_of`, oldest first.
        groups: the groups that the subject belongs to as of then, by the group's declared name.
    """

    as_of: Micros
    entries: Sequence[Entry]
    groups: Mapping[str, Group] = field(default_factory=dict)


Compute = Callable[[Known], Number]


@dataclass(frozen=True, slots=True)
class Expr:
    """A number that can be computed from what is known as of an instant; None where missing."""

    compute: Compute
    words: str

    def __call__(self, known: Known) -> Number:
        """Its value, a finite float or None."""
        value = self.compute(known)
        return float(value) if value is not None and isfinite(value) else None

    def __add__(self, other: Expr | float) -> Expr:
        return _combine(self, other, "+", lambda a, b: a + b)

    def __sub__(self, other: Expr | float) -> Expr:
        return _combine(self, other, "-", lambda a, b: a - b)

    def __mul__(self, other: Expr | float) -> Expr:
        return _combine(self, other, "*", lambda a, b: a * b)

    def __truediv__(self, other: Expr | float) -> Expr:
        return _combine(self, other, "/", lambda a, b: a / b if b else None)

    def __gt__(self, other: Expr | float) -> Expr:
        return _combine(self, other, ">", lambda a, b: float(a > b))

    def clip(self, low: float, high: float) -> Expr:
        """The value, but never outside [low, high]."""
        return self._then(lambda x: min(max(x, low), high), f"clip({self.words},{low},{high})")

    def at_least(self, low: float) -> Expr:
        """The value, but never below `low`."""
        return self._then(lambda x: max(x, low), f"at_least({self.words},{low:g})")

    def positive(self) -> Expr:
        """The value where it is above zero; missing elsewhere."""

        def compute(known: Known) -> Number:
            value = self(known)
            return value if value is not None and value > 0 else None

        return Expr(compute, f"positive {self.words}")

    def log(self) -> Expr:
        """sign(x) * log(1 + |x|): tames long tails and keeps zero and the sign."""
        return self._then(lambda x: log1p(abs(x)) * (1 if x >= 0 else -1), f"log({self.words})")

    def otherwise(self, default: Expr | float) -> Expr:
        """The value, or the default where it is missing."""
        second = _expr(default)

        def compute(known: Known) -> Number:
            value = self(known)
            return second(known) if value is None else value

        return Expr(compute, f"{self.words} otherwise {second.words}")

    def _then(self, apply: Callable[[float], float], words: str) -> Expr:
        def compute(known: Known) -> Number:
            value = self(known)
            return None if value is None else apply(value)

        return Expr(compute, words)


def constant(value: float) -> Expr:
    """The same number at any time."""
    return Expr(lambda _: value, f"{value:g}")


class Series:
    """The values of one field over the subject's entries, oldest first, missing ones left out."""

    def __init__(self, of: Callable[[Known], list[tuple[Micros, float]]], words: str) -> None:
        self._of = of
        self.words = words

    def points(self, known: Known) -> list[tuple[Micros, float]]:
        """(time, value) of each entry that has one."""
        return self._of(known)

    def within(self, days: float) -> Series:
        """Only the values of the last so many days before `as_of`."""

        def of(known: Known) -> list[tuple[Micros, float]]:
            start = known.as_of - days * DAY
            return [point for point in self._of(known) if point[0] > start]

        return Series(of, f"{self.words} within {days:g}d")

    def changes(self) -> Series:
        """The differences between neighbours, at the time of the later one."""

        def of(known: Known) -> list[tuple[Micros, float]]:
            points = self._of(known)
            return [(b[0], b[1] - a[1]) for a, b in itertools.pairwise(points)]

        return Series(of, f"changes of {self.words}")

    def above(self, limit: float) -> Series:
        """1 where the value is above the limit, 0 where it is not."""

        def of(known: Known) -> list[tuple[Micros, float]]:
            return [(at, float(value > limit)) for at, value in self._of(known)]

        return Series(of, f"{self.words} above {limit:g}")

    def clip(self, low: float, high: float) -> Series:
        """The values, but none outside [low, high]."""

        def of(known: Known) -> list[tuple[Micros, float]]:
            return [(at, min(max(value, low), high)) for at, value in self._of(known)]

        return Series(of, f"{self.words} in [{low:g}, {high:g}]")

    def nonzero(self) -> Series:
        """Only the values that are not zero."""

        def of(known: Known) -> list[tuple[Micros, float]]:
            return [point for point in self._of(known) if point[1] != 0]

        return Series(of, f"nonzero {self.words}")

    def last(self, back: int = 0) -> Expr:
        """The newest value, or the one so many places before it."""

        def pick(values: list[float]) -> Number:
            return values[-1 - back] if len(values) > back else None

        return self._reduce(pick, f"last({back})")

    def first(self) -> Expr:
        """The oldest value."""
        return self._reduce(lambda values: values[0] if values else None, "first")

    def count(self) -> Expr:
        """How many values there are; 0 where there are none."""
        return self._reduce(lambda values: float(len(values)), "count")

    def total(self) -> Expr:
        """The sum; 0 where there are none."""
        return self._reduce(lambda values: float(sum(values)), "sum")

    def mean(self) -> Expr:
        """The mean of the values."""
        return self._reduce(lambda v: sum(v) / len(v) if v else None, "mean")

    def highest(self) -> Expr:
        """The largest value."""
        return self._reduce(lambda values: max(values, default=None), "max")

    def lowest(self) -> Expr:
        """The smallest value."""
        return self._reduce(lambda values: min(values, default=None), "min")

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
            points = self._of(known)
            weight = total = 0.0
            for at, value in points:
                w = exp(-rate * (points[-1][0] - at))  # silence fades all alike, down to 0 / 0
                weight += w
                total += w * value
            return total / weight if weight else None

        return Expr(compute, f"decayed({half_life_days:g}d) of {self.words}")

    def fading(self, factor: float) -> Expr:
        """The mean in which each value weighs `factor` times as much as the one after it."""

        def compute(values: list[float]) -> Number:
            weights = [factor**back for back in range(len(values))]
            total = sum(w * v for w, v in zip(weights, reversed(values), strict=True))
            return total / sum(weights) if weights else None

        return self._reduce(compute, f"fading({factor:g})")

    def trend(self) -> Expr:
        """The slope of the least-squares line, per day; missing for fewer than two instants."""

        def compute(known: Known) -> Number:
            points = self._of(known)
            if len(points) < 2:
                return None
            days = [(at - points[0][0]) / DAY for at, _ in points]
            middle = sum(days) / len(days)
            mean = sum(v for _, v in points) / len(points)
            across = sum((d - middle) ** 2 for d in days)
            along = sum((d - middle) * (p[1] - mean) for d, p in zip(days, points, strict=True))
            return along / across if across else None

        return Expr(compute, f"trend of {self.words}")

    def days_since(self) -> Expr:
        """Days from the newest value until `as_of`: it grows while nothing happens."""

        def compute(known: Known) -> Number:
            points = self._of(known)
            return (known.as_of - points[-1][0]) / DAY if points else None

        return Expr(compute, f"days since {self.words}")

    def days_from_first(self) -> Expr:
        """Days from the oldest value until `as_of`."""

        def compute(known: Known) -> Number:
            points = self._of(known)
            return (known.as_of - points[0][0]) / DAY if points else None

        return Expr(compute, f"days from first {self.words}")

    def _reduce(self, reduce: Callable[[list[float]], Number], words: str) -> Expr:
        def compute(known: Known) -> Number:
            return reduce([value for _, value in self._of(known)])

        return Expr(compute, f"{words} of {self.words}")


def series(name: str) -> Series:
    """The numbers that the fold put under this name."""

    def of(known: Known) -> list[tuple[Micros, float]]:
        found = []
        for entry in known.entries:
            value = entry.values.get(name)
            if isinstance(value, int | float) and isfinite(value):
                found.append((entry.at, float(value)))
        return found

    return Series(of, name)


def events(type_: str | None = None) -> Series:
    """A 1 for each entry, or for each entry of one type of event."""

    def of(known: Known) -> list[tuple[Micros, float]]:
        return [(e.at, 1.0) for e in known.entries if type_ is None or e.type == type_]

    return Series(of, type_ or "events")


def text(name: str) -> Callable[[Known], str | None]:
    """The newest text that the fold put under this name."""

    def of(known: Known) -> str | None:
        for entry in reversed(known.entries):
            value: Value = entry.values.get(name)
            if isinstance(value, str):
                return value
        return None

    return of


def code(name: str) -> Expr:
    """A number that stands for the newest text, the same in every log and on every machine.

    It says which text it is and nothing of its order: for `ModelSpec.offset_by`. Below 2**24, so
    that the 32-bit numbers of a served row keep it apart from the others.
    """
    newest = text(name)

    def compute(known: Known) -> Number:
        value = newest(known)
        return None if value is None else float(crc32(value.encode()) & 0xFFFFFF)

    return Expr(compute, f"code of {name}")


def ordered(name: str, places: Mapping[str, float]) -> Expr:
    """The declared place of the newest text in an order; missing for any other text."""
    newest = text(name)

    def compute(known: Known) -> Number:
        value = newest(known)
        return None if value is None else places.get(value)

    return Expr(compute, f"place of {name}")


def days_in(name: str) -> Expr:
    """Days for which the newest text has been the same, from the first entry that had it."""

    def compute(known: Known) -> Number:
        now, since = None, None
        for entry in reversed(known.entries):
            value = entry.values.get(name)
            if now is not None and value != now:
                break
            if isinstance(value, str):
                now, since = value, entry.at
        return None if since is None else (known.as_of - since) / DAY

    return Expr(compute, f"days in the same {name}")


def days_until(name: str) -> Expr:
    """Days from `as_of` to the newest date under this name (the fold keeps dates as days)."""
    newest = series(name).last()

    def compute(known: Known) -> Number:
        day = newest(known)
        return None if day is None else day - known.as_of / DAY

    return Expr(compute, f"days until {name}")


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

    return Expr(compute, f"known rate of {group}")


def known_count(
    group: str, *, within_days: float | None = None, half_life_days: float | None = None
) -> Expr:
    """How many observations of a group were known before the bucket of `as_of`."""
    return Expr(
        lambda known: _tally(known, group, within_days, half_life_days).known, f"count of {group}"
    )


def known_total(
    group: str, *, within_days: float | None = None, half_life_days: float | None = None
) -> Expr:
    """The sum of the values of a group's observations known before the bucket of `as_of`."""
    return Expr(
        lambda known: _tally(known, group, within_days, half_life_days).positive,
        f"total of {group}",
    )


def newest_count(group: str, most: int, *, fading: float = 1.0) -> Expr:
    """How many of a group's newest observations there are, up to about so many: 3.0 if three.

    With `fading`, each weighs that much of the one after it, and this is the sum of the weights.
    """
    return Expr(
        lambda known: _newest(known, group, most, fading).known, f"count of the newest of {group}"
    )


def newest_total(group: str, most: int, *, fading: float = 1.0) -> Expr:
    """The sum of the values of a group's newest observations, weighted as in `newest_count`."""
    return Expr(
        lambda known: _newest(known, group, most, fading).positive,
        f"total of the newest of {group}",
    )


def days_since_known(group: str) -> Expr:
    """Days from the group's newest observation before the bucket of `as_of` until then."""

    def compute(known: Known) -> Number:
        found = known.groups.get(group)
        last = found.last_before(known.as_of) if found else None
        return None if last is None else (known.as_of - last) / DAY

    return Expr(compute, f"days since {group}")


def _tally(
    known: Known, group: str, within_days: float | None = None, half_life_days: float | None = None
) -> Tally:
    found = known.groups.get(group)
    return found.before(known.as_of, within_days, half_life_days) if found else Tally()


def _newest(known: Known, group: str, most: int, fading: float) -> Tally:
    found = known.groups.get(group)
    return found.newest(known.as_of, most, fading) if found else Tally()


def _expr(value: Expr | float) -> Expr:
    return value if isinstance(value, Expr) else constant(float(value))


def _combine(
    left: Expr, other: Expr | float, sign: str, apply: Callable[[float, float], Number]
) -> Expr:
    right = _expr(other)

    def compute(known: Known) -> Number:
        a = left(known)
        b = right(known)
        return None if a is None or b is None else apply(a, b)

    return Expr(compute, f"({left.words} {sign} {right.words})")
