"""The real requests for payment in the words of each sister log: other activities, columns, form.

The sister's mapping alone makes the same events of them, from which billing readiness learns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from firm.events import Event
from firm.mapping import LogMapping, read_mapping
from headway.catalogue import canonicaliser, declared
from headway.cli import app
from headway.clock import now
from headway.logs import find_log, take_in
from tests.unit.headway.test_sister_logs import CASE, LOGS, MAPPINGS, write_xes

FILE, MAPPING = find_log("payment_requests")
EVERY = 4
"""Of so many requests one is taken."""
UNIT, AMOUNT = "(case)_OrganizationalEntity", "(case)_RequestedAmount"


@cache
def some() -> pl.DataFrame:
    """The events of some requests, with the columns that any of the logs has."""
    columns = ["id", "concept:name", "time:timestamp", CASE, UNIT, AMOUNT]
    requests = pl.col(CASE).str.extract(r"(\d+)$").cast(pl.Int64)
    frame = pl.read_parquet(FILE, columns=columns).filter(requests % EVERY == 0)
    return frame.with_columns(pl.col(AMOUNT).cast(pl.Float64))


def told_as(name: str) -> pl.DataFrame:
    """The same in a sister's words."""
    what, unit, amount = LOGS[name]
    spoken = pl.col("concept:name").str.replace("^Request For Payment ", f"{what} ")
    return some().with_columns(spoken).rename({UNIT: f"case:{unit}", AMOUNT: f"case:{amount}"})


def events(file: Path, mapping: LogMapping) -> Sequence[Event]:
    taken = take_in(file, mapping, canonicaliser(declared()), now())
    assert taken.refused == {}, taken.examples
    return [arrival.event for arrival in taken.arrivals]


def said(told: Sequence[Event]) -> list[tuple[int, str, str]]:
    """What they say, in an order that does not depend on their ids, in which the log's name is."""
    return sorted((event.occurred_at, event.subject, repr(event.fact)) for event in told)


@cache
def expected(folder: Path) -> list[tuple[int, str, str]]:
    some().write_parquet(folder / "log.parquet")
    return said(events(folder / "log.parquet", MAPPING))


@pytest.mark.parametrize("name", LOGS)
def test_a_sisters_mapping_makes_the_same_events_of_it(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = write_xes(tmp_path / "log.xes", told_as(name).to_dicts())
    found = said(events(log, read_mapping(MAPPINGS / f"{name}.toml")))
    assert len(found) > 8_000
    assert found == expected(tmp_path_factory.getbasetemp())


def test_with_amounts_in_it_is_judged_at_submission_and_beats_the_constant(tmp_path: Path) -> None:
    name = "domestic_declarations"
    told_as(name).write_parquet(tmp_path / "log.parquet")
    words = ["--log", str(tmp_path / "log.parquet"), "--mapping", str(MAPPINGS / f"{name}.toml")]
    done = CliRunner().invoke(
        app,
        ["evaluate", "billing_readiness_with_amount", *words, "--cut", "2018-07-01", "--json"],
    )
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["records"], found["refused"]) == (len(some()), {})
    at = found["steps"]["submitted:employee"]
    assert at["n"] > 500
    assert at["auc"] > 0.55
    assert at["brier"] < at["constant_brier"]
