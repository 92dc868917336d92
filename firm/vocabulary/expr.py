"""Expressions: a number as of an instant, how numbers combine, and what they are computed from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import reduce
from math import isfinite, log1p
from operator import add, mul, or_, sub
from typing import Any, Self

from firm.groups import Group
from firm.history import Entry
from firm.time import Micros

Number = float | None


@dataclass(frozen=True, slots=True)
class Known:
    """All that may be known of a subject as of an instant.

    Attributes:
        entries: the subject's own entries up to and including `as_of`, oldest first.
        groups: the groups that the subject belongs to as of then, by the group's declared name.
        lasting: what was computed from the entries alone; it holds as of any other instant too.
        found: what was computed from it so far: the features of a row have many parts in common.
    """

    as_of: Micros
    entries: Sequence[Entry]
    groups: Mapping[str, Group] = field(default_factory=dict)
    lasting: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)
    found: dict[object, Any] = field(default_factory=dict, init=False, compare=False, repr=False)


Compute = Callable[[Known], Number]
How = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Reads:
    """What an expression is computed from; `headway check` holds it against the declaration.

    Attributes:
        numbers, texts: names under which the fold puts numbers or texts.
        types: types of events that are told apart.
        groups: declared groups whose counts and sums are read.
        parents: declared groups whose observations are read one by one.
    """

    numbers: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    parents: frozenset[str] = frozenset()

    def __or__(self, other: Reads) -> Reads:
        return Reads(*(getattr(self, f.name) | getattr(other, f.name) for f in fields(Reads)))

    @classmethod
    def all_of(cls, parts: Iterable[Reads]) -> Self:
        """What several expressions read together."""
        return reduce(or_, parts, cls())


NOTHING = Reads()


@dataclass(frozen=True, slots=True)
class Expr:
    """A number that can be computed from what is known as of an instant; None where missing.

    `how` says in data what `compute` does: the name of the word, and what it is applied to. Whoever
    evaluates whole columns reads it (`training.vectors`); it is empty where a word has none.
    `timeless` says that it is computed from the subject's entries alone: not from `as_of`, nor from
    groups. Where it is computed from the values of one or two `parts` alone, and missing where one
    of them is, `apply` does it.
    """

    compute: Compute
    words: str
    reads: Reads = NOTHING
    how: How = field(default=(), compare=False, repr=False)
    timeless: bool = field(default=False, compare=False, repr=False)
    parts: tuple[Expr, ...] = field(default=(), compare=False, repr=False)
    apply: Callable[..., Number] | None = field(default=None, compare=False, repr=False)

    def __call__(self, known: Known) -> Number:
        """Its value, a finite float or None."""
        found = known.lasting if self.timeless else known.found
        if self.compute in found:
            return found[self.compute]  # type: ignore[no-any-return]
        value = self.compute(known)
        number = float(value) if value is not None and isfinite(value) else None
        found[self.compute] = number
        return number

    def may_change_with(self, text: str, groups: Collection[str]) -> bool:
        """Whether another text under this name, and so other groups of these names, may change its
        value. An expression that does not say what it reads may change with anything."""
        known = self.reads.texts | self.reads.groups | self.reads.parents
        return self.reads == NOTHING or not known.isdisjoint({text, *groups})

    def __add__(self, other: Expr | float) -> Expr:
        return _combine(self, other, "+", add)

    def __sub__(self, other: Expr | float) -> Expr:
        return _combine(self, other, "-", sub)

    def __mul__(self, other: Expr | float) -> Expr:
        return _combine(self, other, "*", mul)

    def __truediv__(self, other: Expr | float) -> Expr:
        return _combine(self, other, "/", lambda a, b: a / b if b else None)

    def __gt__(self, other: Expr | float) -> Expr:
        return _combine(self, other, ">", lambda a, b: float(a > b))

    def clip(self, low: float, high: float) -> Expr:
        """The value, but never outside [low, high]."""
        words = f"clip({self.words},{low},{high})"
        return self._then(lambda x: min(max(x, low), high), words, "clip", low, high)

    def at_least(self, low: float) -> Expr:
        """The value, but never below `low`."""
        words = f"at_least({self.words},{low:g})"
        return self._then(lambda x: max(x, low), words, "at_least", low)

    def positive(self) -> Expr:
        """The value where it is above zero; missing elsewhere."""
        words = f"positive {self.words}"
        return self._then(lambda x: x if x > 0 else None, words, "positive")

    def log(self) -> Expr:
        """sign(x) * log(1 + |x|): tames long tails and keeps zero and the sign."""
        words = f"log({self.words})"
        return self._then(lambda x: log1p(abs(x)) * (1 if x >= 0 else -1), words, "log")

    def otherwise(self, default: Expr | float) -> Expr:
        """The value, or the default where it is missing."""
        second = _expr(default)

        def compute(known: Known) -> Number:
            value = self(known)
            return second(known) if value is None else value

        words = f"{self.words} otherwise {second.words}"
        return Expr(
            compute,
            words,
            self.reads | second.reads,
            ("otherwise", self, second),
            self.timeless and second.timeless,
        )

    def _then(self, apply: Callable[[float], Number], words: str, word: str, *said: float) -> Expr:
        def compute(known: Known) -> Number:
            value = self(known)
            return None if value is None else apply(value)

        how = (word, self, *said)
        return Expr(compute, words, self.reads, how, self.timeless, (self,), apply)


def constant(value: float) -> Expr:
    """The same number at any time."""
    return Expr(lambda _: value, f"{value:g}", how=("constant", value), timeless=True)


def ratio_to_plan(actual: Expr, plan: Expr) -> Expr:
    """actual / plan, so 1.0 where all goes to plan; missing unless the plan is above zero.

    Both in one unit: `ratio_to_plan(series("hours").total(), series("budgeted_hours").last())`.
    """
    return actual / plan.positive()


def _expr(value: Expr | float) -> Expr:
    return value if isinstance(value, Expr) else constant(float(value))


def _combine(
    left: Expr, other: Expr | float, sign: str, apply: Callable[[float, float], Number]
) -> Expr:
    right = _expr(other)
    words, reads = f"({left.words} {sign} {right.words})", left.reads | right.reads

    def compute(known: Known) -> Number:
        a = left(known)
        b = right(known)
        return None if a is None or b is None else apply(a, b)

    how, timeless = (sign, left, right), left.timeless and right.timeless
    return Expr(compute, words, reads, how, timeless, (left, right), apply)
