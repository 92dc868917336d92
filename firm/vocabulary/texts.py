"""Texts: categories, how long they stay, and what a text says in numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from zlib import crc32

from firm.history import Value
from firm.sentiment import sentiment_of
from firm.time import DAY, Micros
from firm.vocabulary.expr import Expr, Known, Number, Reads
from firm.vocabulary.series import Point, Series

_WORD = re.compile(r"\w+")


def texts(name: str) -> Series:
    """The texts that the fold put under this name, each as the number of different ones before its
    first coming: 0 for the first. So `.distinct()` counts texts, `.changes().nonzero().count()`
    how often it changed, and `.last() > 0` says whether it is another than at first."""

    def of(known: Known) -> list[Point]:
        numbers: dict[str, int] = {}
        return [
            (at, float(numbers.setdefault(value, len(numbers)))) for at, value in _all(known, name)
        ]

    return Series(of, name, _reads(name), timeless=True)


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

    return Expr(compute, f"code of {name}", _reads(name), ("code", name), timeless=True)


def is_in(name: str, *among: str) -> Expr:
    """1 where the newest text is among these, 0 where it is another; missing where there is none.

    A category of several: a feature for each, `is_in("region", "north")` and so on.
    """
    newest = text(name)

    def compute(known: Known) -> Number:
        value = newest(known)
        return None if value is None else float(value in among)

    words = f"{name} in {', '.join(among)}"
    return Expr(compute, words, _reads(name), ("is_in", name, among), timeless=True)


def ordered(name: str, places: Mapping[str, float]) -> Expr:
    """The declared place of the newest text in an order; missing for any other text."""
    newest = text(name)

    def compute(known: Known) -> Number:
        value = newest(known)
        return None if value is None else places.get(value)

    how = ("ordered", name, places)
    return Expr(compute, f"place of {name}", _reads(name), how, timeless=True)


def days_in(name: str) -> Expr:
    """Days for which the newest text has been the same, from the first entry that had it."""

    def compute(known: Known) -> Number:
        if compute not in known.lasting:
            known.lasting[compute] = since(known)
        began: Micros | None = known.lasting[compute]
        return None if began is None else (known.as_of - began) / DAY

    def since(known: Known) -> Micros | None:
        now, began = None, None
        for entry in reversed(known.entries):
            value = entry.values.get(name)
            if now is not None and value != now:
                break
            if isinstance(value, str):
                now, began = value, entry.at
        return began

    return Expr(compute, f"days in the same {name}", _reads(name), ("days_in", name))


def sentiment(name: str) -> Series:
    """The sentiment of each text under this name, from -1 (negative) to 1 (positive): a series, so
    `.last()`, `.within(30).mean()` and `.trend()` (a day) tell how a client's mood goes.

    Where the text itself need not be kept, let the fold put `firm.sentiment.sentiment_of(text)`
    under a name, and read that with `series`.
    """

    def of(known: Known) -> list[Point]:
        return [(at, sentiment_of(value)) for at, value in _all(known, name)]

    return Series(of, f"sentiment of {name}", _reads(name), timeless=True)


def hashed(name: str, buckets: int) -> tuple[Expr, ...]:
    """How many words of the newest text fall into each of so many buckets, by CRC-32 of the word
    in lower case, modulo the buckets (feature hashing; Weinberger et al., 2009, without signs).

    One expression a bucket; missing where there is no text.
    """
    newest = text(name)

    def bucket(place: int) -> Expr:
        def compute(known: Known) -> Number:
            value = newest(known)
            return None if value is None else _word_counts(value, buckets)[place]

        words = f"words of {name} in bucket {place} of {buckets}"
        return Expr(compute, words, _reads(name), timeless=True)

    return tuple(bucket(place) for place in range(buckets))


@lru_cache(maxsize=1024)
def _word_counts(value: str, buckets: int) -> tuple[float, ...]:
    counts = [0.0] * buckets
    for word in _WORD.findall(value.lower()):
        counts[crc32(word.encode()) % buckets] += 1
    return tuple(counts)


def _all(known: Known, name: str) -> Iterator[tuple[Micros, str]]:
    for entry in known.entries:
        value: Value = entry.values.get(name)
        if isinstance(value, str):
            yield entry.at, value


def _reads(name: str) -> Reads:
    return Reads(texts=frozenset({name}))
