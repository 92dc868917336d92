"""The words in which a workflow says its features.

A feature is an expression over what is known of a subject *as of* an instant. Expressions combine
with + - * / and comparisons; a part that is missing makes the whole missing (None), and so does a
division by zero. Nothing here reads a clock: time passes only through `as_of`, so a window empties
and a delay grows while nothing happens. The same expression serves the stream and the replay.

    moves = series("forecast").changes()
    Feature(name="slip", of=moves.last(), unit="days", why="...", source="PSA")

| to say | words |
|---|---|
| what happened to the subject itself | `series(name)` numbers, `events(type)`, `texts(name)` |
| of a series: how many, how much | `.count() .total() .mean() .rate() .highest() .lowest() .spread() .distinct()` |
| of a series: the course | `.last() .first() .changes() .trend() .decayed() .decayed_total() .fading()` |
| of a series: time | `.days_since() .days_from_first() .within(days)`, `windows(series)` for 1/7/30/90 days and life |
| against a plan | `ratio_to_plan(actual, plan)`, `days_until(name)` |
| a category | `is_in(name, texts)`, `ordered(name, places)`, `code(name)`, `days_in(name)` |
| a text | `sentiment(name)` a series from -1 to 1, `hashed(name, buckets)` |
| the groups it belongs to | `known_rate known_count known_total newest_count newest_total days_since_known` |
| its parent (client, group, contract) | `parent(group)`: a series of what was observed there |
"""  # noqa: E501  (a row of a table cannot be broken)

from firm.vocabulary.expr import (
    Compute,
    Expr,
    Known,
    Number,
    Reads,
    constant,
    ratio_to_plan,
)
from firm.vocabulary.groups import (
    days_since_known,
    known_count,
    known_rate,
    known_total,
    newest_count,
    newest_total,
    parent,
)
from firm.vocabulary.series import WINDOWS, Series, days_until, events, series, windows
from firm.vocabulary.texts import code, days_in, hashed, is_in, ordered, sentiment, text, texts

__all__ = [
    "WINDOWS",
    "Compute",
    "Expr",
    "Known",
    "Number",
    "Reads",
    "Series",
    "code",
    "constant",
    "days_in",
    "days_since_known",
    "days_until",
    "events",
    "hashed",
    "is_in",
    "known_count",
    "known_rate",
    "known_total",
    "newest_count",
    "newest_total",
    "ordered",
    "parent",
    "ratio_to_plan",
    "sentiment",
    "series",
    "text",
    "texts",
    "windows",
]
