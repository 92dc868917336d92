"""A wrong mapping fails when it is read, with all its problems at once; the real one holds."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest

import data
from firm.canonical import Canonicaliser
from firm.errors import DeclarationError
from firm.events import Event, StatusReported
from firm.mapping import FieldFrom, TimeFrom, read_mapping
from tests.unit.firm.samples import NOW

FOLDER = Path(data.__file__).parent / "capital_projects"
GOOD = """
name = "vendor"
source = "/vendor"
[[event]]
type = "vendor.report"
fact = "project.status_reported"
id = ["id"]
subject = { kind = "project", from = "project" }
time = { from = "at" }
[event.fields]
phase = { from = "Phase" }
"""


def problems(folder: Path, text: str) -> tuple[str, ...]:
    file = folder / "mapping.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"mapping.toml is declared wrongly") as caught:
        read_mapping(file)
    return caught.value.problems


def test_a_good_mapping_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(GOOD, encoding="utf-8")
    assert read_mapping(file).event[0].fields == {
        "phase": FieldFrom.model_validate({"from": "Phase"})
    }


def test_what_is_not_toml_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "\nname = !\n")
    assert "line 2" in problem


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    wrong = (
        GOOD.replace('name = "vendor"', "name = 5\nnobody_knows = 1")
        .replace('from = "project"', "from = \"project\", pattern = '['")
        .replace('from = "at"', 'from = "at", zone = "Mars/Olympus"')
        .replace('id = ["id"]', "")
        + 'budget_forecast = { from = "Budget", as = "money" }\n'
        + 'title = { from = "Title", as = "poem" }\n'
        + 'owner = { from = "Owner", currency = "usd" }\n'
    )
    said = "\n".join(problems(tmp_path, wrong))
    for problem in (
        "name: Input should be a valid string (got 5)",
        "nobody_knows: Extra",
        "event.0.id: Field required",
        "event.0.subject.pattern: Value error, is no regular expression",
        "event.0.time.zone: Value error, is no time zone",
        "(got 'Mars/Olympus')",
        "event.0.fields.budget_forecast: Value error, money, and nothing else, needs a currency",
        "event.0.fields.title.as",
        "event.0.fields.owner.currency",
    ):
        assert problem in said


@pytest.mark.parametrize("zone", ["", "Europe", "../etc", "/etc/localtime", "Berlin", "a\0b"])
def test_what_is_no_zone_is_refused_when_it_is_declared(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        TimeFrom.model_validate({"from": "at", "zone": zone})


@pytest.mark.parametrize("field", [{"as": "money"}, {"as": "number", "currency": "USD"}])
def test_money_and_nothing_else_has_a_currency(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs a currency"):
        FieldFrom.model_validate({"from": "x", **field})


@pytest.fixture(scope="module")
def events() -> list[Event]:
    mapping = read_mapping(FOLDER / "mapping.toml")
    canonicaliser = Canonicaliser([StatusReported], [mapping])
    with gzip.open(FOLDER / "status_reports.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [
            canonicaliser.from_record(mapping, mapping.event[0], row, NOW)
            for row in csv.DictReader(file)
        ]


def test_each_real_status_report_is_an_event_of_its_own(events: list[Event]) -> None:
    assert len(events) == len({event.id for event in events}) == 2259


def test_a_real_status_report_says_what_its_row_says(events: list[Event]) -> None:
    event = next(e for e in events if e.subject == "project:3" and e.time.year == 2014)
    fact = event.fact
    assert isinstance(fact, StatusReported)
    assert event.time.isoformat() == "2014-05-01T00:00:00+00:00"
    assert event.source == "/nyc/capital-projects"
    assert fact.budget_forecast is not None
    assert (str(fact.budget_forecast.amount), fact.budget_forecast.currency) == ("182980960", "USD")
    assert (str(fact.forecast_completion), str(fact.design_start)) == ("2020-01-14", "2013-09-23")
    assert (fact.phase, fact.owner, fact.client, fact.region) == (
        "Design",
        "DEP",
        "DEP",
        "Brooklyn",
    )
