"""Folded values that know what had not happened yet: filled in afterwards, in the source's log.

An export of a log often carries a case's final attributes on each of its events. Three patterns
give them away, each measured over all subjects:

- a time that lies ahead of its event, at which an event of the subject then really happens
  (`closed_at` on the row that opens a ticket);
- a value that already goes with what another field only becomes later (an assignee who is always of
  the group to which the ticket has not been passed yet);
- a blank from the beginning that says how the case will end (a project that is only unknown where
  nothing was ever paid).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from firm.history import Entry, Value
from firm.time import DAY, SECOND, Micros

LEAST_CASES = 30
"""Fewer subjects than this prove nothing."""
COINCIDING = 0.5
"""Plans come true to the minute, or dates to the day, far less often than in half of the cases."""
FORESEEING = 0.5
"""How much oftener than the most common end a value may name the later one. Measured: honest
attributes of 17,000 tickets reach .1, the assignee .7."""
FATEFUL = 0.8
"""Difference in the share of one end between blanks and the others. Measured in 6,800 payment
requests: honest blanks reach .02, the project .99."""
MOST_CASES = 4000
"""More, evenly spread, would only take longer to say the same."""
MINUTE: Micros = 60 * SECOND
UNITS = (1, 1000, SECOND, MINUTE, 3600 * SECOND, DAY)
BLANKS = {"", "?", "-", "unknown", "missing", "none", "null", "n/a", "na", "nan"}

Histories = Sequence[Sequence[Entry]]


class Hindsight(NamedTuple):
    """A folded value that knows too much, and how that shows."""

    name: str
    why: str


def hindsight(histories: Histories) -> list[Hindsight]:
    """Every folded value that shows one of the patterns, once."""
    lives = [entries for entries in histories if len(entries) > 1]
    lives = lives[:: -(-len(lives) // MOST_CASES) or 1]
    found: dict[str, Hindsight] = {}
    for name in sorted({name for entries in lives for name in entries[0].values}):
        for look in (_comes_true, _foresees, _seals_fate):
            if name not in found and (why := look(lives, name)) is not None:
                found[name] = Hindsight(name, why)
    return list(found.values())


def _comes_true(lives: Histories, name: str) -> str | None:
    """Times, in any usual unit, from 1970 or from the event on."""
    numbers = [(entries, v) for entries in lives if (v := _number(entries[0], name)) is not None]
    for unit in UNITS:
        for readings in (
            [(entries, v * unit) for entries, v in numbers],
            [(entries, entries[0].at + v * unit) for entries, v in numbers],
        ):
            ahead = [(e, at) for e, at in readings if e[0].at + MINUTE < at < e[-1].at + 3650 * DAY]
            if len(ahead) < max(LEAST_CASES, len(numbers) / 2):
                continue
            share = sum(_happens(entries, at) for entries, at in ahead) / len(ahead)
            if share >= COINCIDING:
                return (
                    f"it is a time ahead of its event at which another then happens, in "
                    f"{share:.0%} of {len(ahead):,} cases"
                )
    return None


def _happens(entries: Sequence[Entry], at: float) -> bool:
    reach = DAY if at % DAY == 0 else MINUTE
    return any(at - MINUTE <= entry.at < at + reach for entry in entries[1:])


def _foresees(lives: Histories, name: str) -> str | None:
    for other in _changing(lives, but=name):
        changed = [e for e in lives if _changes(e, other)]
        goes_with = _ends(lives, name, other)
        overall: Counter[Value] = sum(goes_with.values(), Counter())
        votes = [
            (usual, entries)
            for entries in changed
            if (usual := _usual(goes_with, entries, name, other)) is not None
        ]
        if len(votes) < LEAST_CASES:
            continue
        later = sum(usual == e[-1].values[other] for usual, e in votes) / len(votes)
        now = sum(usual == e[0].values[other] for usual, e in votes) / len(votes)
        common = overall.most_common(1)[0][0]
        base = sum(common == e[-1].values[other] for _, e in votes) / len(votes)
        if later >= base + FORESEEING and later >= 2 * now:
            return (
                f"where {other!r} changes later, it goes with the later one from the beginning, "
                f"in {later:.0%} of {len(votes):,} cases, and with that of its time in {now:.0%}"
            )
    return None


def _ends(lives: Histories, name: str, other: str) -> Mapping[Value, Counter[Value]]:
    """What the other value is at the end, for each value that this one has there."""
    found: dict[Value, Counter[Value]] = defaultdict(Counter)
    for entries in lives:
        last = entries[-1].values
        if last.get(name) is not None and last.get(other) is not None:
            found[last[name]][last[other]] += 1
    return found


def _usual(
    goes_with: Mapping[Value, Counter[Value]], entries: Sequence[Entry], name: str, other: str
) -> Value:
    """What usually goes with the first value, by all other subjects; None if nothing is known."""
    value, last = entries[0].values.get(name), entries[-1].values
    counts = goes_with.get(value)
    if counts is None:
        return None
    own = last.get(other) if last.get(name) == value else None
    usual = max(counts, key=lambda end: counts[end] - (end == own))
    return usual if counts[usual] > (usual == own) else None


def _seals_fate(lives: Histories, name: str) -> str | None:
    blank = [e for e in lives if _stays(e, name, _is_blank)]
    other = [e for e in lives if _stays(e, name, lambda v: not _is_blank(v))]
    if min(len(blank), len(other)) < LEAST_CASES:
        return None
    for field in _changing(lives, but=name):
        ends_blank, ends_other = (
            Counter(e[-1].values.get(field) for e in group) for group in (blank, other)
        )
        for end in {*ends_blank, *ends_other}:
            one, two = ends_blank[end] / len(blank), ends_other[end] / len(other)
            if abs(one - two) >= FATEFUL:
                return (
                    f"whether it is blank says from the beginning how {field!r} ends: {end!r} for "
                    f"{one:.0%} of {len(blank):,} blanks and {two:.0%} of the others"
                )
    return None


def _stays(entries: Sequence[Entry], name: str, is_so: Callable[[Value], bool]) -> bool:
    return all(is_so(entry.values.get(name)) for entry in entries)


def _is_blank(value: Value) -> bool:
    return value is None or value == 0 or (isinstance(value, str) and value.lower() in BLANKS)


def _changing(lives: Histories, but: str) -> Iterator[str]:
    """The texts that change in the course of enough cases."""
    names = {n for entries in lives for n, v in entries[0].values.items() if isinstance(v, str)}
    for name in sorted(names - {but}):
        if sum(_changes(entries, name) for entries in lives) >= LEAST_CASES:
            yield name


def _changes(entries: Sequence[Entry], name: str) -> bool:
    first, last = entries[0].values.get(name), entries[-1].values.get(name)
    return isinstance(first, str) and isinstance(last, str) and first != last


def _number(entry: Entry, name: str) -> float | None:
    value = entry.values.get(name)
    return float(value) if isinstance(value, int | float) else None
