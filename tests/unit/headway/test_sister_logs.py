"""Billing readiness is judged, by a mapping alone, on logs of the same office it has never seen."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import polars as pl
import pytest
from typer.testing import CliRunner, Result

import data
from headway.cli import app

pytestmark = pytest.mark.slow

MAPPINGS = Path(data.__file__).parent / "payment_requests" / "mappings"
AMSTERDAM = timezone(timedelta(hours=2))
CUT = "2017-10-01"
CASE = "case:concept:name"
LOGS = {
    "domestic_declarations": ("Declaration", "BudgetNumber", "Amount"),
    "international_declarations": ("Declaration", "Permit OrganizationalEntity", "Amount"),
    "permit_log": ("Permit", "OrganizationalEntity", "RequestedBudget"),
    "prepaid_travel_cost": ("Request For Payment", "OrganizationalEntity", "RequestedAmount"),
}
TRIPS = {"international_declarations", "permit_log", "prepaid_travel_cost"}
Records = list[dict[str, Any]]


def cases(name: str) -> Records:
    """A log like it: 360 cases, with trips, reminders, and what nobody has foreseen."""
    what, unit, amount = LOGS[name]
    luck, records = random.Random(name), []  # noqa: S311 - a log is no secret
    for number in range(360):
        at = datetime(2017, 1, 2, 9, tzinfo=AMSTERDAM) + timedelta(hours=26 * number)
        unfit = luck.random() < 0.15 + 0.3 * (number % 4 == 0)
        approvals = [f"{what} APPROVED by {who}" for who in ("ADMINISTRATION", "BUDGET OWNER")]
        if name == "international_declarations":
            approvals.insert(0, f"{what} APPROVED by PRE_APPROVER")
        steps = [f"{what} SUBMITTED by EMPLOYEE"]
        if name in TRIPS:
            steps = ["Permit SUBMITTED by EMPLOYEE", "Start trip", "End trip", *steps]
        if unfit:
            steps += [f"{what} REJECTED by {luck.choice(['MISSING', 'ADMINISTRATION'])}"]
            steps += [f"{what} SAVED by EMPLOYEE", f"{what} SUBMITTED by EMPLOYEE"]
        steps += [*approvals, f"{what} FINAL_APPROVED by SUPERVISOR", "Send Reminder"]
        steps += ["Request Payment", "Payment Handled"]
        for place, step in enumerate(steps):
            at += timedelta(hours=luck.uniform(1, 60))
            records.append(
                {
                    "id": f"st_step {number}_{place}",
                    "concept:name": step,
                    "org:resource": "STAFF MEMBER",
                    "time:timestamp": at,
                    CASE: f"{what.lower()} {number}",
                    f"case:{unit}": "UNKNOWN" if number % 9 == 0 else f"unit {number % 4}",
                    f"case:{amount}": None if number % 7 == 0 else luck.uniform(5, 900),
                    "case:AdjustedAmount": 1.0,
                }
            )
    return records


def write_xes(file: Path, records: Records, left_out: frozenset[str] = frozenset()) -> Path:
    traces: dict[str, Records] = {}
    for record in records:
        traces.setdefault(record[CASE], []).append(record)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<log xes.version="1849.2016">']
    for events in traces.values():
        lines.append("<trace>")
        lines += _attributes(events[0], "case:", left_out)
        for event in events:
            lines += ["<event>", *_attributes(event, "", left_out), "</event>"]
        lines.append("</trace>")
    file.write_text("\n".join([*lines, "</log>"]))
    return file


def _attributes(record: dict[str, Any], prefix: str, left_out: frozenset[str]) -> Iterator[str]:
    for name, value in record.items():
        of_case = name.startswith("case:")
        if value is None or of_case != bool(prefix) or name in left_out:
            continue
        kind, text = "string", str(value)
        if isinstance(value, datetime):
            kind, text = "date", value.isoformat(timespec="milliseconds")
        elif isinstance(value, float):
            kind = "float"
        yield f"<{kind} key={quoteattr(name.removeprefix('case:'))} value={quoteattr(text)}/>"


def write_parquet(file: Path, records: Records, **renamed: str) -> Path:
    pl.DataFrame(records).rename(renamed).write_parquet(file)
    return file


def of_case(name: str) -> str:
    """The name of a trace's attribute as some conversions to tables have it."""
    return name if name == CASE else name.replace("case:", "(case)_", 1)


def evaluate(log: Path, mapping: Path, *more: str) -> Result:
    said = ["evaluate", "billing_readiness", "--log", str(log), "--mapping", str(mapping)]
    return CliRunner().invoke(app, [*said, "--cut", CUT, "--json", *more])


def judged(log: Path, mapping: Path) -> dict[str, Any]:
    said = evaluate(log, mapping)
    assert said.exit_code == 0, said.stderr
    found: dict[str, Any] = json.loads(said.stdout)
    return found


@pytest.mark.parametrize("name", LOGS)
def test_each_is_judged_step_by_step_from_xes_and_from_parquet_alike(
    name: str, tmp_path: Path
) -> None:
    records, mapping = cases(name), MAPPINGS / f"{name}.toml"
    by_xes = judged(write_xes(tmp_path / "log.xes", records), mapping)
    _, unit, amount = LOGS[name]
    renamed = {f"case:{column}": of_case(f"case:{column}") for column in (unit, amount)}
    other = tmp_path / "parquet.toml"
    text = mapping.read_text()
    for before, after in renamed.items():
        text = text.replace(f'"{before}"', f'"{after}"')
    other.write_text(text)
    by_parquet = judged(write_parquet(tmp_path / "log.parquet", records, **renamed), other)
    for found in (by_xes, by_parquet):
        assert found["records"] == found["events"] == len(records)
        assert found["refused"] == {}
        assert {"submitted:employee", "rejected:missing"} <= set(found["steps"])
        at = found["steps"]["submitted:employee"]
        assert at["n"] > 50
        assert {"auc", "pr_auc", "brier", "constant_brier", "ece"} <= set(at)
        assert 0 < at["brier"] < 1
    assert by_xes["quality"] == by_parquet["quality"]
    assert by_xes["steps"] == by_parquet["steps"]


def test_a_log_without_a_unit_and_an_amount_needs_a_mapping_that_reads_neither(
    tmp_path: Path,
) -> None:
    left_out = frozenset({"case:BudgetNumber", "case:Amount", "org:resource"})
    log = write_xes(tmp_path / "log.xes", cases("domestic_declarations"), left_out)
    mapping = MAPPINGS / "domestic_declarations.toml"
    refused = evaluate(log, mapping)
    assert refused.exit_code == 1
    assert "['case:Amount', 'case:BudgetNumber']" in " ".join(refused.stderr.split())
    bare = tmp_path / "bare.toml"
    lines = mapping.read_text().splitlines()
    bare.write_text("\n".join(line for line in lines if not line.startswith(("unit", "amount"))))
    found = judged(log, bare)
    assert found["refused"] == {}
    assert found["steps"]["submitted:employee"]["n"] > 50


def test_what_cannot_be_read_is_counted_by_its_reason_and_stops_nothing(tmp_path: Path) -> None:
    records = cases("domestic_declarations")
    whole = len(records)
    records[3] = {**records[3], "time:timestamp": datetime(1890, 1, 1, tzinfo=UTC)}
    records[5] = {**records[5], "concept:name": None}
    records[7] = {**records[7], "id": None}
    records[9] = {**records[9], "case:Amount": -1e15}
    records.append(records[11])
    records.append({**records[12], "id": "st_new", "concept:name": "Coffee SPILT on EVERYTHING"})
    log = write_parquet(tmp_path / "log.parquet", records)
    found = judged(log, MAPPINGS / "domestic_declarations.toml")
    assert found["records"] == whole + 2
    assert found["repeated"] == 1
    assert sum(found["refused"].values()) == 4, found["refused_examples"]
    assert found["refused"].keys() == found["refused_examples"].keys()
    assert "time-out-of-range" in found["refused"]
    assert found["events"] == whole + 1 - 4


@pytest.mark.parametrize(
    ("column", "said"), [("concept:name", "concept:name"), (CASE, CASE), ("time:timestamp", "time")]
)
def test_a_log_without_what_every_event_needs_is_refused_with_the_column(
    column: str, said: str, tmp_path: Path
) -> None:
    records = cases("domestic_declarations")
    log = write_parquet(tmp_path / "log.parquet", records, **{column: "other"})
    refused = evaluate(log, MAPPINGS / "domestic_declarations.toml")
    assert refused.exit_code == 1
    assert said in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr
