"""A row holds, to the last bit, what each of its expressions gives when it is called."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from firm.groups import Group
from firm.history import Entry, Value
from firm.ids import EventId
from firm.time import DAY
from firm.vocabulary import (
    Expr,
    Known,
    constant,
    days_in,
    days_until,
    known_rate,
    ordered,
    parent,
    ratio_to_plan,
    series,
)
from firm.vocabulary.rows import Rows
from firm.workflow import Workflow
from headway.catalogue import declared

a, b = series("a"), series("b")
HUGE = constant(1e308)
WORDS = (
    a.last(),
    a.last() + b.last(),
    (a.last() - b.first()) * days_until("b"),
    a.last() / (b.last() - b.last()),
    a.last() * HUGE * 10 - HUGE,
    ratio_to_plan(a.total(), b.last()),
    (a.days_since() > b.days_since()).otherwise(b.mean().clip(-1, 1)),
    (a.within(3).mean() * -1).at_least(-0.5).log(),
    days_in("c") - a.last(back=2),
    ordered("c", {"x": 1.0}).positive(),
    known_rate("g", prior="all") - known_rate("all", prior="all"),
    parent("g").mean() + 1,
)


def entries(random_: random.Random, names: Sequence[str]) -> list[Entry]:
    """Entries with some of the values missing, and some that are no numbers."""
    some: list[Value] = [None, 0.0, -0.0, 1e-300, 3.5, -2.0, 1e300, "x", "y"]

    def values() -> dict[str, Value]:
        return {n: random_.choice(some) for n in names if random_.random() < 0.8}

    times = sorted(random_.randrange(100 * DAY) for _ in range(random_.randrange(1, 9)))
    return [Entry(at, EventId(f"e{n}"), "t", values()) for n, at in enumerate(times)]


def group(random_: random.Random) -> Group:
    found = Group(kept=[])
    for _ in range(random_.randrange(20)):
        found.record(random_.randrange(100 * DAY), random_.random())
    return found


def check(expressions: Sequence[Expr], names: Sequence[str], groups: Sequence[str]) -> None:
    """Also for the second instant at which the same entries are asked of."""
    random_ = random.Random(7)  # noqa: S311
    rows = Rows(expressions)
    for _ in range(60):
        found = entries(random_, names)
        known = {g: group(random_) for g in groups if random_.random() < 0.8}
        lasting: dict[object, object] = {}
        for as_of in (100 * DAY, 100 * DAY + 1, 140 * DAY):
            expected = tuple(one(Known(as_of, found, known)) for one in expressions)
            got = rows.row(Known(as_of, found, known, lasting))
            assert repr(got) == repr(expected)


def test_every_kind_of_word_and_what_is_missing_or_not_finite() -> None:
    check(WORDS, ("a", "b", "c"), ("g", "all"))


@pytest.mark.parametrize("workflow", declared().values(), ids=lambda one: one.slug)
def test_every_declared_feature(workflow: Workflow) -> None:
    reads = [feature.of.reads for feature in workflow.features]
    names = sorted({name for one in reads for name in one.numbers | one.texts})
    check([f.of for f in workflow.features], names, [g.name for g in workflow.groups])


def test_what_hangs_on_the_entries_alone_is_computed_once_for_them() -> None:
    calls: list[str] = []

    def counted(name: str, timeless: bool) -> Expr:
        def compute(known: Known) -> float:
            calls.append(name)
            return 1.0

        return Expr(compute, name, timeless=timeless)

    lasts, passes = counted("lasts", True), counted("passes", False)
    rows, lasting = Rows([lasts + passes, lasts * 2, passes]), dict[object, object]()
    for as_of in (DAY, 2 * DAY):
        assert rows.row(Known(as_of, [], {}, lasting)) == (2.0, 2.0, 1.0)
    assert calls == ["lasts", "passes", "passes"]


def test_what_failed_once_is_computed_again() -> None:
    fails = [True]

    def compute(known: Known) -> float:
        if fails.pop() if fails else False:
            raise ValueError("the first time")
        return 1.0

    rows, lasting = Rows([Expr(compute, "fails", timeless=True)]), dict[object, object]()
    with pytest.raises(ValueError, match="the first time"):
        rows.row(Known(DAY, [], {}, lasting))
    assert rows.row(Known(DAY, [], {}, lasting)) == (1.0,)
