"""The words of `firm.vocabulary` over columns: every question of many subjects at once.

What a declaration says stays in one place; here is only how each word is worked out for n questions
in NumPy, in the same order of operations, so that not even the last bit differs. What NumPy itself
computes with other instructions than the C library (powers, logarithms) is left to `math`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import log1p
from typing import Any
from zlib import crc32

import numpy as np

from firm.time import DAY
from firm.vocabulary import Expr, Series
from training.rows import Flags, Floats, Ints
from training.tallies import Tallies


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of whole subjects: subject by subject, each in the order of time.

    Attributes:
        first: for each entry, where its subject begins.
        type: of the event, as a code.
        numbers, texts: the folded values; NaN and -1 where they are missing.
        words: what the codes of each text stand for.
        types: the codes of the types.
    """

    at: Ints
    first: Ints
    type: Ints
    numbers: Mapping[str, Floats]
    texts: Mapping[str, Ints]
    words: Mapping[str, list[str]]
    types: Mapping[str, int]

    def newest(self, text: str) -> Ints:
        """For each entry, where the newest text under this name stands; -1 where none is."""
        codes = self.texts.get(text)
        if codes is None:
            return np.full(len(self.at), -1)
        place = np.maximum.accumulate(np.where(codes >= 0, np.arange(len(codes)), -1))
        return np.where(place >= self.first, place, -1)


@dataclass(frozen=True, slots=True)
class Points:
    """Values in the order of the entries, and which of them, from low up to high, each of the n
    questions sees."""

    at: Ints
    value: Floats
    low: Ints
    high: Ints

    @property
    def count(self) -> Ints:
        """How many values each question sees."""
        return self.high - self.low

    def only(self, keep: Flags, value: Floats) -> Points:
        """Those at which `keep` is true, with these values."""
        before = np.concatenate([[0], np.cumsum(keep)])
        return Points(self.at[keep], value[keep], before[self.low], before[self.high])

    def pick(self, place: Ints, there: Flags) -> Floats:
        """The value at a place for each question; NaN where it is not there."""
        found = np.full(len(place), np.nan)
        found[there] = self.value[place[there]]
        return found

    def turns(self) -> Iterator[tuple[int, Ints]]:
        """k = 0, 1, ... with the questions that see more than k values."""
        order = np.argsort(-self.count, kind="stable")
        falling = -self.count[order]
        for k in range(int(-falling[0]) if len(falling) else 0):
            yield k, order[: np.searchsorted(falling, -k)]


@dataclass(slots=True)
class Questions:
    """The questions that some of the entries ask, and what is known as of each.

    Attributes:
        asked: the places of the entries that ask; each sees its subject's entries up to itself.
        groups: what is known of each declared group, and for each question of which one.
    """

    entries: Entries
    asked: Ints
    groups: Mapping[str, tuple[Tallies, Ints]]
    _seen: dict[int, Floats] = field(default_factory=dict)

    def answer(self, expr: Expr) -> Floats:
        """The values (n) of an expression, NaN where it is missing."""
        if id(expr) not in self._seen:
            word, *said = expr.how
            with np.errstate(all="ignore"):
                found = WORDS[word](self, *said)
            self._seen[id(expr)] = np.where(np.isfinite(found), found, np.nan)
        return self._seen[id(expr)]

    @property
    def as_of(self) -> Ints:
        """When each question was asked."""
        return self.entries.at[self.asked]

    def points(self, series: Series) -> Points:
        """The values that each question sees of a series."""
        word, *said = series.how
        return SERIES[word](self, *said)

    def visible(self, keep: Flags, value: Floats) -> Points:
        """Of one value for each entry, those that are kept."""
        first = self.entries.first[self.asked]
        return Points(self.entries.at, value, first, self.asked + 1).only(keep, value)

    def tally(
        self, group: str, within_days: float | None = None, half_life_days: float | None = None
    ) -> tuple[Floats, Floats]:
        """`Group.before` for each question: how many observations, and the sum of their values."""
        known, which = self.groups[group]
        return known.before(which, self.as_of, within_days, half_life_days)


def unsaid(expr: Expr | Series) -> Iterator[str]:
    """The parts of an expression that cannot be worked out in columns, in words."""
    if not expr.how or expr.how[0] not in (WORDS if isinstance(expr, Expr) else SERIES):
        yield expr.words
    for part in expr.how:
        if isinstance(part, Expr | Series):
            yield from unsaid(part)


def _series(q: Questions, name: str) -> Points:
    value = q.entries.numbers.get(name, np.full(len(q.entries.at), np.nan))
    return q.visible(np.isfinite(value), value)


def _events(q: Questions, type_: str | None) -> Points:
    types = q.entries.type
    keep = np.full(len(types), True) if type_ is None else types == q.entries.types.get(type_, -1)
    return q.visible(keep, np.ones(len(types)))


def _within(q: Questions, series: Series, days: float) -> Points:
    points = q.points(series)
    start, low, high = q.as_of - days * DAY, points.low.copy(), points.high.copy()
    while (open_ := low < high).any():
        middle = (low + high) // 2
        later = open_.copy()
        later[open_] = points.at[middle[open_]] > start[open_]
        high = np.where(later, middle, high)
        low = np.where(open_ & ~later, middle + 1, low)
    return Points(points.at, points.value, low, points.high)


def _changes(q: Questions, series: Series) -> Points:
    points = q.points(series)
    moved = np.diff(points.value, prepend=0.0)
    return Points(points.at, moved, np.minimum(points.low + 1, points.high), points.high)


def _above(q: Questions, series: Series, limit: float) -> Points:
    points = q.points(series)
    return _with(points, (points.value > limit).astype(np.float64))


def _clipped(q: Questions, series: Series, low: float, high: float) -> Points:
    points = q.points(series)
    return _with(points, _between(points.value, low, high))


def _nonzero(q: Questions, series: Series) -> Points:
    points = q.points(series)
    return points.only(points.value != 0, points.value)


def _with(points: Points, value: Floats) -> Points:
    return Points(points.at, value, points.low, points.high)


def _last(q: Questions, series: Series, back: int) -> Floats:
    points = q.points(series)
    return points.pick(points.high - 1 - back, points.count > back)


def _first(q: Questions, series: Series) -> Floats:
    points = q.points(series)
    return points.pick(points.low, points.count > 0)


def _count(q: Questions, series: Series) -> Floats:
    return q.points(series).count.astype(np.float64)


def _total(q: Questions, series: Series) -> Floats:
    points = q.points(series)
    total = np.zeros(len(q.asked))
    for k, here in points.turns():
        total[here] += points.value[points.low[here] + k]
    return total


def _mean(q: Questions, series: Series) -> Floats:
    return _total(q, series) / q.points(series).count


def _extreme(beats: Callable[[Floats, Floats], Flags], worst: float) -> Callable[..., Floats]:
    def compute(q: Questions, series: Series) -> Floats:
        points, best = q.points(series), np.full(len(q.asked), worst)
        for k, here in points.turns():
            value = points.value[points.low[here] + k]
            best[here] = np.where(beats(value, best[here]), value, best[here])
        return best

    return compute


def _fading(q: Questions, series: Series, factor: float) -> Floats:
    points, total = q.points(series), np.zeros(len(q.asked))
    most = int(points.count.max(initial=0))
    weights = np.array([factor**back for back in range(most)])
    for k, here in points.turns():
        total[here] += weights[k] * points.value[points.high[here] - 1 - k]
    sums: Floats = np.concatenate([[np.nan], np.cumsum(weights)])
    return np.asarray(total / sums[points.count], dtype=np.float64)


def _days_since(q: Questions, series: Series) -> Floats:
    points = q.points(series)
    return _days(q, points, points.high - 1)


def _days_from_first(q: Questions, series: Series) -> Floats:
    points = q.points(series)
    return _days(q, points, points.low)


def _days(q: Questions, points: Points, place: Ints) -> Floats:
    there, since = points.count > 0, np.full(len(q.asked), np.nan)
    since[there] = (q.as_of[there] - points.at[place[there]]) / DAY
    return since


def _days_until(q: Questions, newest: Expr) -> Floats:
    return q.answer(newest) - q.as_of / DAY


def _days_in(q: Questions, name: str) -> Floats:
    entries, since = q.entries, np.full(len(q.asked), np.nan)
    newest = entries.newest(name)[q.asked]
    there = newest >= 0
    if there.any():
        codes, place = entries.texts[name], np.arange(len(entries.at))
        begins = (np.diff(codes, prepend=-2) != 0) | (entries.first == place)
        since_place = np.maximum.accumulate(np.where(begins, place, 0))
        since[there] = (q.as_of[there] - entries.at[since_place[newest[there]]]) / DAY
    return since


def _of_text(q: Questions, name: str, number: Callable[[str], float | None]) -> Floats:
    newest, found = q.entries.newest(name)[q.asked], np.full(len(q.asked), np.nan)
    there = newest >= 0
    if there.any():
        numbers = [number(word) for word in q.entries.words[name]]
        table = np.array([np.nan if n is None else n for n in numbers], dtype=np.float64)
        found[there] = table[q.entries.texts[name][newest[there]]]
    return found


def _code(q: Questions, name: str) -> Floats:
    return _of_text(q, name, lambda word: float(crc32(word.encode()) & 0xFFFFFF))


def _ordered(q: Questions, name: str, places: Mapping[str, float]) -> Floats:
    return _of_text(q, name, places.get)


def _known_rate(
    q: Questions,
    group: str,
    prior: str,
    strength: float,
    toward: float,
    within_days: float | None,
    half_life_days: float | None,
) -> Floats:
    known, positive = q.tally(group, within_days, half_life_days)
    if not strength:
        return np.where(known != 0, positive / known, np.nan)
    wide_known, wide_positive = q.tally(prior)
    p = (wide_positive + toward * strength) / (wide_known + strength)
    return (positive + strength * p) / (known + strength)


def _days_since_known(q: Questions, group: str) -> Floats:
    known, which = q.groups[group]
    return (q.as_of - known.last_before(which, q.as_of)) / DAY


def _newest(part: int) -> Callable[..., Floats]:
    def compute(q: Questions, group: str, most: int, fading: float) -> Floats:
        known, which = q.groups[group]
        return known.newest(which, q.as_of, most, fading)[part]

    return compute


def _between(value: Floats, low: float, high: float) -> Floats:
    raised = np.where(low > value, low, value)
    return np.where(high < raised, high, raised)


def _clip(q: Questions, expr: Expr, low: float, high: float) -> Floats:
    return _between(q.answer(expr), low, high)


def _at_least(q: Questions, expr: Expr, low: float) -> Floats:
    value = q.answer(expr)
    return np.where(low > value, low, value)


def _positive(q: Questions, expr: Expr) -> Floats:
    value = q.answer(expr)
    return np.where(value > 0, value, np.nan)


def _log(q: Questions, expr: Expr) -> Floats:
    value = q.answer(expr)
    size = np.fromiter(map(log1p, np.abs(value).tolist()), np.float64, len(value))
    return size * np.where(value >= 0, 1.0, -1.0)


def _otherwise(q: Questions, expr: Expr, second: Expr) -> Floats:
    value = q.answer(expr)
    return np.where(np.isnan(value), q.answer(second), value)


def _both(apply: Callable[[Floats, Floats], Floats]) -> Callable[..., Floats]:
    return lambda q, left, right: apply(q.answer(left), q.answer(right))


def _greater(a: Floats, b: Floats) -> Floats:
    return np.where(np.isnan(a) | np.isnan(b), np.nan, (a > b).astype(np.float64))


SERIES: Mapping[str, Callable[..., Points]] = {
    "series": _series,
    "events": _events,
    "within": _within,
    "changes": _changes,
    "above": _above,
    "clipped": _clipped,
    "nonzero": _nonzero,
}
WORDS: Mapping[str, Callable[..., Any]] = {
    "constant": lambda q, value: np.full(len(q.asked), float(value)),
    "+": _both(np.add),
    "-": _both(np.subtract),
    "*": _both(np.multiply),
    "/": _both(np.divide),
    ">": _both(_greater),
    "clip": _clip,
    "at_least": _at_least,
    "positive": _positive,
    "log": _log,
    "otherwise": _otherwise,
    "last": _last,
    "first": _first,
    "count": _count,
    "total": _total,
    "mean": _mean,
    "highest": _extreme(np.greater, -np.inf),
    "lowest": _extreme(np.less, np.inf),
    "fading": _fading,
    "days_since": _days_since,
    "days_from_first": _days_from_first,
    "days_until": _days_until,
    "days_in": _days_in,
    "code": _code,
    "ordered": _ordered,
    "is_in": lambda q, name, among: _of_text(q, name, lambda word: float(word in among)),
    "known_rate": _known_rate,
    "known_count": lambda q, *said: q.tally(*said)[0],
    "known_total": lambda q, *said: q.tally(*said)[1],
    "newest_count": _newest(0),
    "newest_total": _newest(1),
    "days_since_known": _days_since_known,
}
