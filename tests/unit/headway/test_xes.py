"""The same log as CSV, Parquet and XES gives the same events; what is no log is refused."""

from __future__ import annotations

import gzip
import tomllib
from pathlib import Path

import polars as pl
import pytest

from firm.canonical import Canonicaliser
from firm.events import Event
from firm.facts import PaymentRequestMoved
from firm.mapping import LogMapping
from headway.clock import now
from headway.files import read_records
from headway.logs import outgoing, take_in
from headway.xes import UnreadableLog, read_xes

MAPPING = LogMapping.model_validate(
    tomllib.loads("""
name = "travel"
source = "/travel"
[[event]]
type = "travel.step"
fact = "payment_request.moved"
when = { "concept:name" = "by|Payment" }
id = ["case:concept:name", "concept:name", "time:timestamp"]
subject = { kind = "payment_request", from = "case:concept:name" }
time = { from = "time:timestamp" }
[event.fields]
step = { from = "concept:name", values = { SUBMITTED = "submitted", Payment = "paid" } }
role = { from = "org:role" }
amount = { from = "case:Amount", as = "money", currency = "EUR" }
""")
)
XES = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xmlns="http://www.xes-standard.org/">
 <extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
 <global scope="event"><string key="concept:name" value="__INVALID__"/></global>
 <trace>
  <string key="concept:name" value="d 1"/>
  <float key="Amount" value="34.5"><string key="unit" value="nested"/></float>
  <event>
   <string key="concept:name" value="Declaration SUBMITTED by EMPLOYEE"/>
   <string key="org:role" value="EMPLOYEE"/>
   <date key="time:timestamp" value="2018-02-01T09:00:00.000+01:00"/>
  </event>
  <event>
   <string key="concept:name" value="Payment Handled"/>
   <date key="time:timestamp" value="2018-02-03T09:00:00.000+01:00"/>
  </event>
 </trace>
 <trace>
  <string key="concept:name" value="d 2"/>
  <float key="Amount" value="7"/>
  <event>
   <string key="concept:name" value="Declaration APPROVED by BUDGET OWNER"/>
   <date key="time:timestamp" value="2018-02-02T09:00:00+01:00"/>
  </event>
  <event><string key="concept:name" value="Nap"/></event>
 </trace>
</log>
"""


@pytest.fixture
def xes(tmp_path: Path) -> Path:
    file = tmp_path / "log.xes"
    file.write_text(XES, encoding="utf-8")
    return file


def canonical() -> Canonicaliser:
    return Canonicaliser([PaymentRequestMoved], [MAPPING])


def events(file: Path) -> list[Event]:
    return [arrival.event for arrival in take_in(file, MAPPING, canonical(), now()).arrivals]


def test_an_event_has_its_own_attributes_and_those_of_its_trace(xes: Path) -> None:
    first = next(iter(read_xes(xes)))
    assert first == {
        "case:concept:name": "d 1",
        "case:Amount": "34.5",
        "concept:name": "Declaration SUBMITTED by EMPLOYEE",
        "org:role": "EMPLOYEE",
        "time:timestamp": "2018-02-01T09:00:00.000+01:00",
    }


def test_csv_parquet_and_xes_give_the_same_events(xes: Path, tmp_path: Path) -> None:
    frame = pl.from_dicts(list(read_xes(xes)))
    frame.write_csv(tmp_path / "log.csv")
    typed = frame.with_columns(
        pl.col("time:timestamp").str.to_datetime(time_zone="UTC", strict=False),
        pl.col("case:Amount").cast(pl.Float64),
    )
    typed.write_parquet(tmp_path / "log.parquet")
    (tmp_path / "log.xes.gz").write_bytes(gzip.compress(xes.read_bytes()))
    expected = events(xes)
    assert len(expected) == 2
    for name in ("log.csv", "log.parquet", "log.xes.gz"):
        assert events(tmp_path / name) == expected


def test_what_becomes_no_event_is_counted_by_reason_and_shown(xes: Path) -> None:
    taken = take_in(xes, MAPPING, canonical(), now())
    assert (taken.records, taken.repeated) == (4, 0)
    assert taken.refused == {"invalid-value": 1, "no-rule": 1}
    assert taken.examples["no-rule"].startswith("record 4: no rule takes this record")


def test_repeated_records_give_one_event(tmp_path: Path, xes: Path) -> None:
    frame = pl.from_dicts(list(read_xes(xes)))
    pl.concat([frame, frame]).write_csv(tmp_path / "log.csv")
    taken = take_in(tmp_path / "log.csv", MAPPING, canonical(), now())
    assert (len(taken.arrivals), taken.repeated) == (2, 2)


def test_sent_as_a_vendor_would_the_records_give_the_same_events(tmp_path: Path, xes: Path) -> None:
    good = [r for r in read_xes(xes) if "Nap" not in str(r) and "APPROVED" not in str(r)]
    pl.from_dicts(good).with_columns(
        pl.col("time:timestamp").str.to_datetime(time_zone="UTC")
    ).write_parquet(tmp_path / "log.parquet")
    sent = outgoing(tmp_path / "log.parquet", MAPPING, canonical(), now())
    assert [canonical().event(out.payload, now()) for out in sent] == events(xes)


def test_a_repeated_column_gets_a_name_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    columns = ",".join(sorted(MAPPING.columns))
    file.write_text(f"{columns},category,category\n" + ",".join("abcdefg") + "\n")
    assert "category_duplicated_0" in next(read_records(file, MAPPING))


@pytest.mark.parametrize("text", ["", "no log", XES[:400], "<log><trace></log>"])
def test_what_is_no_xes_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "log.xes"
    file.write_text(text)
    with pytest.raises(UnreadableLog, match="no XES log, or is cut off"):
        list(read_records(file, MAPPING))


def test_a_file_without_a_column_that_is_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(UnreadableLog, match=r"has no column .*case:Amount"):
        list(read_records(file, MAPPING))
