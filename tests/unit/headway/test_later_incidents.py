"""Incidents that nobody here has seen: a file in the format of the log that comes with the house is
judged wherever it lies, and what a spreadsheet makes of it on the way is put up with or named."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from firm.events import Event
from headway.catalogue import canonicaliser, declared
from headway.cli import app
from headway.clock import now
from headway.logs import find_log, take_in

FILE, MAPPING = find_log("service_incidents")
CANONICAL = canonicaliser(declared())
FORMAT = "%d/%m/%Y %H:%M"
TIMES = ("sys_updated_at", "opened_at")
Row = list[str]


@cache
def real() -> tuple[Row, list[Row]]:
    """The names of the columns, and the rows, of the real log."""
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as text:
        names, *rows = csv.reader(text)
    return names, rows


@cache
def some() -> list[Row]:
    """The first rows."""
    return real()[1][:400]


def written(names: Row, rows: Sequence[Row], ends: str = "\n", **dialect: Any) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator=ends, **dialect)
    writer.writerows([names, *rows])
    return text.getvalue()


def plain() -> str:
    return written(real()[0], some())


def columns_moved() -> str:
    names, rows = real()[0], some()
    places = random.Random(1).sample(range(len(names)), len(names))  # noqa: S311 - no secret
    first, second = (place for place, name in enumerate(names) if name == "category")
    if places.index(first) > places.index(second):  # the second is the subcategory
        here, there = places.index(first), places.index(second)
        places[here], places[there] = second, first
    return written([names[p] for p in places], [[row[p] for p in places] for row in rows])


def columns_added() -> str:
    names, rows = real()[0], some()
    return written(
        [*names, "note", "site"], [[*row, 'said "yes",\nthen left', "é"] for row in rows]
    )


def rows_mixed_up() -> str:
    rows = some()
    return written(real()[0], random.Random(2).sample(rows, len(rows)))  # noqa: S311 - no secret


def with_times(form: Callable[[datetime], str]) -> str:
    names = real()[0]
    places = {names.index(name) for name in TIMES}
    return written(
        names,
        [
            [
                form(datetime.strptime(text, FORMAT)) if place in places else text  # noqa: DTZ007
                for place, text in enumerate(row)
            ]
            for row in some()
        ],
    )


PUT_UP_WITH: dict[str, Callable[[], bytes]] = {
    "as it is": lambda: plain().encode(),
    "a byte order mark": lambda: plain().encode("utf-8-sig"),
    "ends of lines as on Windows": lambda: written(real()[0], some(), "\r\n").encode(),
    "columns in another order": lambda: columns_moved().encode(),
    "columns that nobody reads": lambda: columns_added().encode(),
    "nothing where a question mark was": lambda: plain().replace("?", "").encode(),
    "rows in any order": lambda: rows_mixed_up().encode(),
    "blank lines": lambda: plain().replace("\n", "\n\n", 200).encode() + b"\n\n\n",
    "every value in quotes": lambda: written(real()[0], some(), quoting=csv.QUOTE_ALL).encode(),
    "spaces around values": lambda: written(
        real()[0], [[f" {text} " for text in row] for row in some()]
    ).encode(),
    "truth in capitals": lambda: plain().replace("true", "TRUE").replace("false", "False").encode(),
    "packed": lambda: gzip.compress(plain().encode()),
    "the last line cut short of its end": lambda: plain().rstrip().encode(),
}


def taken(content: bytes, folder: Path, name: str = "any name at all.csv") -> list[Event]:
    (folder / name).write_bytes(content)
    found = take_in(folder / name, MAPPING, CANONICAL, now())
    assert found.refused == {}, found.examples
    return [arrival.event for arrival in found.arrivals]


def told(events: Sequence[Event]) -> list[tuple[int, str, str]]:
    """What they say, in an order that does not depend on their ids."""
    return sorted((event.occurred_at, event.subject, repr(event.fact)) for event in events)


@pytest.mark.parametrize("what", PUT_UP_WITH)
def test_it_gives_the_same_events_with(what: str, tmp_path: Path) -> None:
    events = taken(PUT_UP_WITH[what](), tmp_path)
    assert events == taken(plain().encode(), tmp_path)
    assert len(events) > 300


@pytest.mark.parametrize(
    "form",
    [
        lambda at: f"{at:%d/%m/%Y %H:%M}",
        lambda at: f"{at.day}/{at.month}/{at.year} {at:%H:%M}",
    ],
    ids=["zeros before", "no zeros before"],
)
def test_a_date_may_have_zeros_before_its_day_and_month(
    form: Callable[[datetime], str], tmp_path: Path
) -> None:
    events, expected = (taken(t.encode(), tmp_path) for t in (with_times(form), plain()))
    assert told(events) == told(expected)


def test_numbers_that_were_floats_on_the_way_are_whole_again(tmp_path: Path) -> None:
    names = real()[0]
    whole = [names.index("sys_mod_count"), names.index("reassignment_count")]
    rows = [[f"{t}.0" if p in whole else t for p, t in enumerate(row)] for row in some()]
    events = taken(written(names, rows).encode(), tmp_path)
    expected = taken(plain().encode(), tmp_path)
    assert told(events) == told(expected)


def one_value_more() -> bytes:
    return (plain() + f"{plain().splitlines()[7]},more\n").encode()


def columns_alone() -> bytes:
    return plain().partition("\n")[0].encode() + b"\n"


REFUSED: dict[str, tuple[Callable[[], bytes], list[str]]] = {
    "days and months exchanged": (
        lambda: with_times(lambda at: f"{at:%m/%d/%Y %H:%M}").encode(),
        ["does not fit", "'opened_at' must be a time of the form %d/%m/%Y %H:%M", "record 1:"],
    ),
    "seconds in its times": (
        lambda: with_times(lambda at: f"{at:%d/%m/%Y %H:%M:%S}").encode(),
        ["does not fit", "'opened_at' must be a time of the form %d/%m/%Y %H:%M", "record 1:"],
    ),
    "a line with more values than columns": (
        one_value_more,
        ["line 402 has 37 values for 36 columns", "put quotes around"],
    ),
    "a column that is read left out": (
        lambda: plain().replace("made_sla", "sla", 1).encode(),
        ["has no column ['made_sla']", "mend the mapping"],
    ),
    "semicolons": (
        lambda: written(real()[0], some(), delimiter=";").encode(),
        ["has no column", "'number;ident_state;"],
    ),
    "semicolons, and a comma in a value": (
        lambda: written(real()[0], some(), delimiter=";").replace("Phone", "Phone, home").encode(),
        ["values for 1 columns", "name it in the mapping"],
    ),
    "a text that is not UTF-8": (
        lambda: plain().replace("Phone", "Télé").encode("cp1252"),
        ["line 2 is not UTF-8", "save the file as UTF-8"],
    ),
    "a download that broke off": (
        lambda: gzip.compress(plain().encode())[:-2_000],
        ["unexpected end"],
    ),
    "nothing in it": (lambda: b"", ["empty CSV"]),
    "names of columns alone": (columns_alone, ["of its 0 records"]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_in_words_with(what: str, tmp_path: Path) -> None:
    content, words = REFUSED[what]
    file = tmp_path / "later.csv"
    file.write_bytes(content())
    said = CliRunner().invoke(
        app, ["evaluate", "staffing_fit", "--log", str(file), "--cut", "2016-04-15"]
    )
    assert said.exit_code == 1
    heard = "".join(said.stderr.split())  # a terminal breaks long words
    for word in [str(file), *words]:
        assert "".join(word.split()) in heard


def later_and_earlier() -> str:
    """Every sixteenth ticket of the last two months, with all its rows before and after the cut."""
    names, rows = real()
    opened = names.index("opened_at")
    kept = [
        row
        for row in rows
        if int(row[0]) % 16 == 0 and datetime.strptime(row[opened], FORMAT).month > 2  # noqa: DTZ007
    ]
    return written(names, kept, "\r\n")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("slug", ["staffing_fit", "service_level"])
def test_what_came_after_the_cut_is_judged_by_what_was_known_before(
    slug: str, tmp_path: Path
) -> None:
    file = tmp_path / "incidents of 2016.csv"
    file.write_text(later_and_earlier(), encoding="utf-8-sig", newline="")
    words = ["evaluate", slug, "--log", str(file), "--cut", "2016-04-12", "--json"]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["refused"] == {}
    assert found["events"] == found["records"] - found["repeated"] > 2_500
    assert found["trained_on"]["rows"] > 300
    quality = found["quality"]
    assert quality["n"] > 100
    assert quality["auc"] > 0.6
    assert quality["brier"] < quality["constant_brier"]
    assert {"pr_auc", "ece"} <= set(quality)
