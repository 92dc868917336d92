"""A row's expressions, laid out to be computed one after the other: each part once, and what hangs
on the subject's entries alone once for as long as these are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import isfinite

from firm.vocabulary.expr import Compute, Expr, Known, Number

_Step = tuple[Compute, Callable[..., Number] | None, int, int]
"""What computes a value; or what does from values before it, and the places of one or two."""


class Rows:
    """Computes the values that expressions give when they are called, many at once.

    An expression that is called looks for what was computed already, and asks each of its parts in
    turn; here it is known beforehand where these stand.
    """

    def __init__(self, expressions: Sequence[Expr]) -> None:
        ordered: dict[Compute, Expr] = {}
        for one in expressions:
            _add(one, ordered)
        timeless = [one for one in ordered.values() if one.timeless]
        others = [one for one in ordered.values() if not one.timeless]
        places = {one.compute: place for place, one in enumerate([*timeless, *others])}
        self._timeless = [_step(one, places) for one in timeless]
        self._others = [_step(one, places) for one in others]
        self._row = [places[one.compute] for one in expressions]

    def row(self, known: Known) -> tuple[Number, ...]:
        """The value of each expression, in order, as of an instant: a finite float or None."""
        lasting: list[Number] | None = known.lasting.get(self)
        if lasting is None:
            _compute(self._timeless, known, lasting := [])
            known.lasting[self] = lasting
        values = lasting.copy()
        _compute(self._others, known, values)
        return tuple([values[place] for place in self._row])


def _add(one: Expr, ordered: dict[Compute, Expr]) -> None:
    """Put an expression behind its parts."""
    if one.compute not in ordered:
        for part in one.parts:
            _add(part, ordered)
        ordered[one.compute] = one


def _step(one: Expr, places: dict[Compute, int]) -> _Step:
    first, second, *_ = (*(places[part.compute] for part in one.parts), -1, -1)
    return one.compute, one.apply, first, second


def _compute(steps: Iterable[_Step], known: Known, values: list[Number]) -> None:
    """Add the value of each step; it is missing where one that it needs is."""
    for compute, apply, first, second in steps:
        if apply is None:
            value = compute(known)
        elif (one := values[first]) is None:
            value = None
        elif second < 0:
            value = apply(one)
        else:
            other = values[second]
            value = None if other is None else apply(one, other)
        values.append(float(value) if value is not None and isfinite(value) else None)
