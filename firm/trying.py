"""A declaration tried on sample events: what only shows when its functions are called.

Names under which the fold keeps values are nowhere declared: what a feature reads is held against
what the fold gave for samples of all facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from firm.errors import HeadwayError
from firm.events import Event, Fact
from firm.groups import Group
from firm.history import Entry, Value
from firm.ids import EventId, SubjectId
from firm.sampling import samples
from firm.time import HOUR, Micros
from firm.vocabulary import Known, Reads
from firm.workflow import Workflow

START: Micros = 1_715_938_200_000_000
"""17 May 2024, 09:30 UTC: a working hour."""


class Found(NamedTuple):
    """The part of the declaration that is wrong, and what is wrong with it."""

    what: str
    reason: str


def try_out(workflow: Workflow) -> list[Found]:
    """All that is wrong with how a consistent declaration works on samples of its facts."""
    found: list[Found] = []
    entries, complete = _folded(workflow, found)
    if complete and not found:
        found += _misread(workflow, entries)
    found += _called(workflow, [entries, *([entry] for entry in entries)] if entries else [])
    return list(dict.fromkeys(found))


def _folded(workflow: Workflow, found: list[Found]) -> tuple[list[Entry], bool]:
    """The samples folded, and whether every fact has any. A fold may refuse a sample by an error
    of the house, as one of another currency: then nothing is known of it."""
    entries: list[Entry] = []
    complete = True
    for fact in workflow.facts:
        folded = 0
        for sample in samples(fact):
            event = _event(sample, len(entries))
            try:
                values = workflow.fold(event)
            except HeadwayError:
                continue
            except Exception as error:
                found.append(Found(f"fold of {fact.__name__}", _said(error, sample)))
            else:
                entries.append(Entry(event.occurred_at, event.id, event.type, values))
                folded += 1
        complete = complete and folded > 0
    return entries, complete


def _event(fact: Fact, number: int) -> Event:
    return Event(
        id=EventId(f"sample-{number}"),
        type=fact.type,
        subject=SubjectId(f"{fact.subject_kind}:sample"),
        occurred_at=START + number * HOUR,
        source="/sample",
        fact=fact,
    )


def _misread(workflow: Workflow, entries: Sequence[Entry]) -> Iterator[Found]:
    given: dict[str, set[type]] = {}
    for entry in entries:
        for name, value in entry.values.items():
            given.setdefault(name, set()).update(_kind(value))
    types = {fact.type for fact in workflow.facts}
    for part, expr in workflow.expressions().items():
        for reason in _against(expr.reads, given, types):
            yield Found(part, reason)
    if (at_stake := workflow.watch.at_stake) is not None:
        reads = Reads(numbers=at_stake.names - frozenset(workflow.feature_names))
        for reason in _against(reads, given, types):
            yield Found("at_stake", reason)
    for group in workflow.groups:
        for reason in _against(Reads(texts=frozenset(group.texts)), given, types):
            yield Found(f"group {group.name!r}", reason)


def _kind(value: Value) -> set[type]:
    """Nothing is known of what is missing in every sample."""
    return set() if value is None else {str} if isinstance(value, str) else {float}


def _against(reads: Reads, given: dict[str, set[type]], types: set[str]) -> Iterator[str]:
    for name in sorted((reads.numbers | reads.texts) - given.keys()):
        yield f"reads {name!r}, which the fold never gives; it gives {sorted(given)}"
    for name in sorted(reads.numbers & given.keys()):
        if given[name] == {str}:
            yield f"reads {name!r} as a number, but the fold gives a text: see vocabulary/texts.py"
    for name in sorted(reads.texts & given.keys()):
        if given[name] == {float}:
            yield f"reads {name!r} as a text, but the fold gives a number: use series({name!r})"
    for type_ in sorted(reads.types - types):
        yield f"reads events of type {type_!r}, which are not folded; there are {sorted(types)}"


def _called(workflow: Workflow, histories: Sequence[Sequence[Entry]]) -> Iterator[Found]:
    """What each declared function, and each feature, raises on the samples."""
    for entries in histories:
        groups = {group.name: Group(kept=[]) for group in workflow.groups}
        known = Known(entries[-1].at, entries, groups)
        for what, call in _calls(workflow, entries, known):
            try:
                call()
            except Exception as error:
                yield Found(what, _said(error, entries[-1].values))
        yield from _observed(workflow, entries)


def _calls(
    workflow: Workflow, entries: Sequence[Entry], known: Known
) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "label.settle", partial(workflow.label.settle, entries)
    for part, expr in workflow.expressions().items():
        yield part, partial(expr, known)
    if workflow.asks is not None:
        yield "asks", partial(workflow.asks, entries)
    if workflow.awaits is not None:
        yield "awaits", partial(workflow.awaits, known)
    if workflow.step is not None:
        yield "step", partial(workflow.step, entries[-1])


def _observed(workflow: Workflow, entries: Sequence[Entry]) -> Iterator[Found]:
    if workflow.observe is None:
        return
    names = [group.name for group in workflow.groups]
    try:
        told = {observation.group for observation in workflow.observe(entries)}
    except Exception as error:
        yield Found("observe", _said(error, entries[-1].values))
        return
    for name in sorted(told - set(names)):
        yield Found(
            "observe", f"tells the group {name!r}, which is not declared; there are {names}"
        )


def _said(error: Exception, sample: object) -> str:
    return f"raises {type(error).__name__}: {error} (on the sample {str(sample)[:200]})"
