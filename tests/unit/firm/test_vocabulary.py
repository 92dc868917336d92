"""Each word of the vocabulary on an example that was computed by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.groups import Group
from firm.history import Entry, Value
from firm.ids import EventId
from firm.sentiment import sentiment_of
from firm.time import DAY
from firm.vocabulary import (
    Expr,
    Known,
    Reads,
    Series,
    code,
    constant,
    days_in,
    days_since_known,
    days_until,
    events,
    hashed,
    is_in,
    known_count,
    known_rate,
    known_total,
    newest_count,
    newest_total,
    ordered,
    parent,
    ratio_to_plan,
    sentiment,
    series,
    texts,
    windows,
)

NONE = constant(1) / 0
x = series("x")


def known(*values: tuple[float, Value], as_of: float = 10, **groups: Group) -> Known:
    """Entries with `x` at so many days, seen as of day 10."""
    entries = [
        Entry(round(day * DAY), EventId(f"e{n}"), "even" if n % 2 == 0 else "odd", {"x": value})
        for n, (day, value) in enumerate(values)
    ]
    return Known(round(as_of * DAY), entries, groups)


FOUR = known((1, 2.0), (3, 8.0), (4, None), (5, 5.0), (9, 5.0))
"""x = 2, 8, 5, 5 on days 1, 3, 5 and 9, a gap on day 4; types even, odd, even, odd, even."""
EMPTY = known((1, None), (2, "a text"))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (x.count(), 4),
        (x.total(), 20),
        (x.mean(), 5),
        (x.last(), 5),
        (x.last(2), 8),
        (x.last(3), 2),
        (x.last(4), None),
        (x.first(), 2),
        (x.highest(), 8),
        (x.lowest(), 2),
        (x.spread(), math.sqrt((9 + 9) / 4)),
        (x.distinct(), 3),
        (x.decayed(2), (2 / 16 + 8 / 8 + 5 / 4 + 5) / (1 / 16 + 1 / 8 + 1 / 4 + 1)),
        (x.fading(0.5), (5 + 5 / 2 + 8 / 4 + 2 / 8) / (1 + 1 / 2 + 1 / 4 + 1 / 8)),
        (x.fading(0), 5),
        (x.decayed_total(2), 2 / 2**4.5 + 8 / 2**3.5 + 5 / 2**2.5 + 5 / 2**0.5),
        (events("odd").decayed_total(1), 2**-7 + 2**-5),
        (x.rate(), 4 / 9),
        (x.rate(30), 4 / 30),
        (x.rate(5.5), 2 / 5.5),
        (x.within(7.1).rate(), 3 / 7),
        (x.trend(), (-3.5 * -3 + -1.5 * 3 + 0.5 * 0 + 4.5 * 0) / (12.25 + 2.25 + 0.25 + 20.25)),
        (x.days_since(), 1),
        (x.days_from_first(), 9),
        (x.within(5).count(), 1),
        (x.within(5.5).count(), 2),
        (x.within(7.1).total(), 18),
        (x.changes().count(), 3),
        (x.changes().total(), 3),
        (x.changes().last(1), -3),
        (x.changes().days_since(), 1),
        (x.changes().nonzero().days_since(), 5),
        (x.changes().nonzero().count(), 2),
        (x.above(5).total(), 1),
        (x.above(1.9).total(), 4),
        (x.clip(3, 6).total(), 3 + 6 + 5 + 5),
        (x.changes().clip(-1, 1).total(), 0),
        (x.changes().within(6).count(), 2),
        (x.within(6).changes().count(), 1),
        (events().count(), 5),
        (events("even").count(), 3),
        (events("odd").days_since(), 5),
        (events("never").count(), 0),
        (events("never").days_since(), None),
    ],
    ids=lambda value: value.words if isinstance(value, Expr) else "",
)
def test_word(word: Expr, value: float | None) -> None:
    expected = None if value is None else pytest.approx(value, rel=1e-12)
    assert word(FOUR) == expected
    assert word(seen_before(FOUR, word)) == expected


def seen_before(now: Known, word: Expr) -> Known:
    """The same, after the word was computed as of a later instant in which there was no group."""
    later = Known(now.as_of + 90 * DAY, now.entries)
    word(later)
    return Known(now.as_of, now.entries, now.groups, later.lasting)


@pytest.mark.parametrize(
    "word",
    [
        code("x"),
        days_in("x"),
        is_in("x", "b"),
        ordered("x", {"b": 2}),
        texts("x").last(),
        texts("x").days_since(),
        sentiment("x").last(),
        sentiment("x").within(4).count(),
        *hashed("x", 2),
        known_rate("own", prior="own"),
        known_count("own"),
        days_since_known("own"),
        parent("own").last(),
        events().count() + known_count("own"),
        events().count() * days_in("x"),
        (events().count() / 0).otherwise(days_in("x")),
    ],
    ids=lambda word: word.words,
)
def test_what_was_computed_as_of_another_instant_is_kept_only_where_it_lasts(word: Expr) -> None:
    now = known((1, "a"), (6, "b"), (7, "b"), own=group((2, 1), (3, 0)))
    assert word(seen_before(now, word)) == word(now) is not None


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (x.count(), 0),
        (x.total(), 0),
        (x.distinct(), 0),
        (x.above(1).count(), 0),
        (x.mean(), None),
        (x.last(), None),
        (x.first(), None),
        (x.highest(), None),
        (x.lowest(), None),
        (x.spread(), None),
        (x.decayed(2), None),
        (x.decayed_total(2), 0),
        (x.rate(), None),
        (x.rate(7), 0),
        (x.fading(0.5), None),
        (x.trend(), None),
        (x.days_since(), None),
        (x.days_from_first(), None),
        (x.changes().last(), None),
        (x.changes().total(), 0),
        (days_until("x"), None),
        (days_in("y"), None),
        (ordered("y", {"a": 1}), None),
        (is_in("y", "a"), None),
        (texts("y").distinct(), 0),
        (texts("y").last(), None),
        (hashed("y", 2)[0], None),
        (sentiment("y").last(), None),
        (ratio_to_plan(x.last(), x.last()), None),
    ],
    ids=lambda value: value.words if isinstance(value, Expr) else "",
)
@pytest.mark.parametrize("nothing", [EMPTY, known()], ids=["no number", "no entry"])
def test_word_where_there_is_no_value(word: Expr, value: float | None, nothing: Known) -> None:
    assert word(nothing) == value


@pytest.mark.parametrize(
    "word", [x.spread(), x.trend(), x.changes().last()], ids=lambda word: word.words
)
def test_two_values_are_needed(word: Expr) -> None:
    assert word(known((1, 5.0))) is None
    assert word(known((1, 5.0), (2, 5.0))) == 0


def test_a_trend_needs_two_instants() -> None:
    assert x.trend()(known((1, 5.0), (1, 7.0))) is None


a, b = x.first(), x.last()


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (a + b, 7),
        (a - b, -3),
        (a * b, 10),
        (a / b, 0.4),
        (b > a, 1),
        (a > b, 0),
        (a > 2, 0),
        (a + 1, 3),
        (a * -1, -2),
        (a / 0, None),
        (a / (b - 5), None),
        (a + NONE, None),
        (NONE - a, None),
        (NONE * 0, None),
        (NONE > 0, None),
        (NONE / NONE, None),
        (NONE.otherwise(4), 4),
        (NONE.otherwise(a), 2),
        (NONE.otherwise(NONE), None),
        (a.otherwise(4), 2),
        (b.clip(0, 3), 3),
        (b.clip(6, 9), 6),
        (b.clip(0, 9), 5),
        (NONE.clip(0, 1), None),
        (a.at_least(3), 3),
        (b.at_least(3), 5),
        (NONE.at_least(3), None),
        (a.positive(), 2),
        ((a - 2).positive(), None),
        ((a - b).positive(), None),
        (NONE.positive(), None),
        (a.log(), math.log(3)),
        ((a - b).log(), -math.log(4)),
        ((a - 2).log(), 0),
        (NONE.log(), None),
        (ratio_to_plan(b, a), 2.5),
        (ratio_to_plan(b, a - 2), None),
        (ratio_to_plan(b, a - b), None),
        (constant(0.25), 0.25),
        (constant(math.nan), None),
        (constant(math.inf) * 0, None),
    ],
    ids=lambda value: value.words if isinstance(value, Expr) else "",
)
def test_expression(word: Expr, value: float | None) -> None:
    found = word(FOUR)
    assert found == (None if value is None else pytest.approx(value, rel=1e-12))
    assert found is None or type(found) is float


def test_days_until_goes_below_zero_when_the_day_has_passed() -> None:
    assert days_until("x")(known((1, 12.0))) == 2
    assert days_until("x")(known((1, 12.0), as_of=13.5)) == -1.5


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        ([(1, "a")], 9),
        ([(1, "a"), (3, "b")], 7),
        ([(1, "b"), (3, "a"), (4, "b"), (6, "b")], 6),
        ([(1, "a"), (3, "a"), (4, None)], 9),
        ([(1, None), (2, "a")], 8),
        ([(1, None)], None),
    ],
)
def test_days_in(texts: list[tuple[float, Value]], days: float | None) -> None:
    assert days_in("x")(known(*texts)) == days


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        ([(1, "a"), (2, "b")], 2),
        ([(1, "b"), (2, "a")], 1),
        ([(1, "a"), (2, None)], 1),
        ([(1, "a"), (2, "unheard of")], None),
        ([(1, 5.0)], None),
    ],
)
def test_ordered(texts: list[tuple[float, Value]], place: float | None) -> None:
    assert ordered("x", {"a": 1, "b": 2})(known(*texts)) == place


def group(*outcomes: tuple[int, float]) -> Group:
    found = Group(kept=[])
    for day, value in outcomes:
        found.record(day * DAY, value)
    return found


ALL = group((0, 1), (1, 1), (2, 0), (3, 0), (9, 1), (10, 1))
OWN = group((2, 0), (9, 1))
PRIOR = (3 + 0.5 * 10) / (5 + 10)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (known_rate("all", prior="all"), (3 + 10 * PRIOR) / (5 + 10)),
        (known_rate("own", prior="all"), (1 + 10 * PRIOR) / (2 + 10)),
        (
            known_rate("own", prior="all", strength=1),
            (1 + (3 + 0.5) / (5 + 1)) / (2 + 1),
        ),
        (
            known_rate("own", prior="all", half_life_days=1),
            (0.5 + 10 * PRIOR) / (0.5 + 2**-8 + 10),
        ),
        (known_rate("own", prior="all", within_days=1), (1 + 10 * PRIOR) / (1 + 10)),
        (
            known_rate("own", prior="all", within_days=8, half_life_days=8),
            (2 ** (-1 / 8) + 10 * PRIOR) / (2 ** (-1 / 8) + 0.5 + 10),
        ),
        (known_rate("unheard_of", prior="all"), PRIOR),
        (known_rate("own", prior="unheard_of"), (1 + 10 * 0.5) / (2 + 10)),
        (known_rate("own", prior="all", strength=0), 0.5),
        (known_rate("unheard_of", prior="all", strength=0), None),
    ],
    ids=lambda value: "" if isinstance(value, float) else None,
)
def test_known_rate(word: Expr, value: float | None) -> None:
    found = word(known(as_of=10.5, all=ALL, own=OWN))
    assert found == (None if value is None else pytest.approx(value, rel=1e-12))


def test_a_rate_without_any_outcome_is_one_half() -> None:
    assert known_rate("own", prior="all")(known()) == 0.5


def test_a_value_that_stays_alone_keeps_its_mean_through_any_silence() -> None:
    assert x.decayed(1)(known((1, 4.0), (2, 4.0), as_of=40_000)) == pytest.approx(4)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_missing(value: float) -> None:
    strange = known((1, 3.0), (2, value))
    assert x.last()(strange) == 3
    assert x.above(1).count()(strange) == 1


SERIES: list[Callable[[Series], Series]] = [
    lambda s: s,
    lambda s: s.within(4),
    lambda s: s.changes(),
    lambda s: s.changes().changes(),
    lambda s: s.above(0),
    lambda s: s.clip(-1, 1),
    lambda s: s.nonzero(),
]
NUMBERS: list[Callable[[Series], Expr]] = [
    Series.count,
    Series.total,
    Series.mean,
    Series.last,
    Series.first,
    Series.highest,
    Series.lowest,
    Series.spread,
    Series.distinct,
    Series.trend,
    Series.days_since,
    Series.days_from_first,
    lambda s: s.decayed(3),
    lambda s: s.decayed_total(3),
    lambda s: s.rate(),
    lambda s: s.rate(7),
    lambda s: s.fading(0.5),
]
values = st.none() | st.floats() | st.text(max_size=1)


@given(st.lists(st.tuples(st.integers(0, 10), values), max_size=6), st.integers(10, 10**7))
def test_no_word_ever_gives_nan_or_infinity_or_fails(
    points: list[tuple[float, Value]], as_of: int
) -> None:
    seen = known(*sorted(points, key=lambda point: point[0]), as_of=as_of)
    words = [word(kind(x)) for word in NUMBERS for kind in SERIES]
    words += [days_until("x"), days_in("x"), *(w / v for w in words[:8] for v in words[:8])]
    words += [w.log() * w - w.positive() for w in words]
    for word in words:
        found = word(seen)
        assert found is None or math.isfinite(found), word.words


def test_the_newest_of_a_group_are_counted_and_summed() -> None:
    own = Group()
    for day, value in ((1, 1.0), (2, 0.0), (9, 1.0), (10, 1.0)):
        own.record(day * DAY, value)
    asked = known(own=own)
    assert newest_count("own", 2)(asked) == 2
    assert newest_total("own", 2)(asked) == 1
    assert newest_count("own", 20, fading=0.5)(asked) == 1.75
    assert newest_total("own", 20, fading=0.5)(asked) == 1.25
    assert newest_count("unheard_of", 2)(asked) == newest_total("unheard_of", 2)(asked) == 0


def test_a_code_stands_for_the_newest_text_and_survives_32_bits() -> None:
    found = code("x")(known((1, "draft"), (2, "submitted")))
    assert found is not None
    assert found == code("x")(known((1, "submitted"))) == 454106
    assert found != code("x")(known((1, "draft")))
    assert int(found) < 2**24
    assert code("x")(known((1, 3.0))) is None


def test_texts_are_numbered_by_their_first_coming() -> None:
    owner = texts("x")
    seen = known((1, "Ada"), (2, "Bo"), (3, None), (4, "Ada"), (5, 7.0), (6, "Cy"))
    assert [value for _, value in owner.points(seen)] == [0, 1, 0, 2]
    assert owner.distinct()(seen) == 3
    assert owner.changes().nonzero().count()(seen) == 3
    assert (owner.last() > 0)(seen) == 1
    assert (owner.last() > 0)(known((1, "Ada"), (2, "Bo"), (4, "Ada"))) == 0


def test_a_category_is_told_apart() -> None:
    assert is_in("x", "a", "b")(known((1, "c"), (2, "b"))) == 1
    assert is_in("x", "a", "b")(known((1, "a"), (2, "c"))) == 0


def test_the_words_of_a_text_fall_into_buckets_alike_everywhere() -> None:
    """CRC-32 modulo 4: "the" and "server" 2, "is" and "down" 3."""
    counts = hashed("x", 4)
    said = known((1, "old"), (2, "The server is DOWN, the"))
    assert [count(said) for count in counts] == [0, 0, 3, 2]
    assert [count(known((1, "..."))) for count in counts] == [0, 0, 0, 0]


def test_windows_are_those_of_days_and_life() -> None:
    over = windows(x)
    assert list(over) == ["1d", "7d", "30d", "90d", "life"]
    soon = known((1, 1.0), (4, 1.0), (9.5, 1.0))
    assert [s.count()(soon) for s in over.values()] == [1, 2, 3, 3, 3]
    late = known((1, 1.0), (80, 1.0), as_of=100)
    assert [s.count()(late) for s in over.values()] == [0, 0, 1, 1, 2]


def test_silence_fades_a_decayed_sum_and_a_rate() -> None:
    spoken = [(1, 4.0), (2, 4.0)]
    soon, late = known(*spoken, as_of=3), known(*spoken, as_of=12)
    assert x.decayed_total(1)(soon) == 3
    assert x.decayed_total(1)(late) == 3 / 2**9
    assert (x.rate()(soon), x.rate()(late)) == (1, 2 / 11)
    assert x.rate(7)(late) == 0


def test_what_is_known_of_a_parent_is_a_series_of_its_observations() -> None:
    client = Group(kept=[])
    for day, value in ((3.25, 40.0), (1.5, 10.0), (3.25, 40.0), (9.75, 70.0), (10.1, 900.0)):
        client.record(round(day * DAY), value)
    seen = known(as_of=10.5, client=client)
    invoices = parent("client")
    assert invoices.count()(seen) == 4
    assert invoices.last()(seen) == 70
    assert (invoices.lowest()(seen), invoices.highest()(seen)) == (10, 70)
    assert invoices.within(5).total()(seen) == 70
    assert invoices.days_since()(seen) == 0.75
    assert invoices.distinct()(seen) == 3
    assert invoices.count()(known(as_of=11, client=client)) == 5
    assert invoices.count()(known()) == 0
    assert invoices.last()(known()) is None


@pytest.mark.parametrize(
    ("word", "reads"),
    [
        (constant(1), Reads()),
        (x.last(), Reads(numbers=frozenset("x"))),
        (events("odd").count(), Reads(types=frozenset({"odd"}))),
        (texts("x").changes().within(3).distinct(), Reads(texts=frozenset("x"))),
        (known_rate("own", prior="all"), Reads(groups=frozenset({"own", "all"}))),
        (parent("client").clip(0, 1).mean(), Reads(parents=frozenset({"client"}))),
        (
            (x.last() / parent("client").rate()).otherwise(is_in("y", "a")).log(),
            Reads(frozenset("x"), frozenset("y"), parents=frozenset({"client"})),
        ),
    ],
    ids=lambda value: value.words if isinstance(value, Expr) else "",
)
def test_an_expression_tells_what_it_is_computed_from(word: Expr, reads: Reads) -> None:
    assert word.reads == reads


def test_every_word_tells_what_it_is_computed_from() -> None:
    of_numbers = [word(kind(x)) for word in NUMBERS for kind in SERIES]
    assert {word.reads for word in [*of_numbers, days_until("x"), x.last().clip(0, 1)]} == {
        Reads(numbers=frozenset("x"))
    }
    of_texts = [code("x"), ordered("x", {}), days_in("x"), is_in("x"), *hashed("x", 2)]
    of_texts += [texts("x").count(), sentiment("x").within(30).mean()]
    assert {word.reads for word in of_texts} == {Reads(texts=frozenset("x"))}
    of_groups = [known_count, known_total, days_since_known]
    assert {
        word.reads
        for word in [*(w("g") for w in of_groups), newest_count("g", 2), newest_total("g", 2)]
    } == {Reads(groups=frozenset("g"))}


def test_the_mood_of_a_client_is_a_series() -> None:
    mood = sentiment("x")
    said = known((1, "Thanks, this is great!"), (5, "It is down again, this is terrible."))
    assert mood.first()(said) == sentiment_of("Thanks, this is great!")
    assert mood.last()(said) == sentiment_of("It is down again, this is terrible.")
    trend = mood.trend()(said)
    assert trend is not None
    assert trend < 0
    assert mood.within(30).count()(known((1, "Thanks!"), as_of=99)) == 0
