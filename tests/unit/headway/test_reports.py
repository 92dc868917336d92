"""Reports are listed, and nothing but their files is ever given away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firm.errors import UnknownReport
from headway.reports import list_reports, report_file, report_folder
from headway.settings import Settings


def written(
    settings: Settings, version: str, end: int, breaches: list[str], days: float | None = None
) -> None:
    folder = report_folder(settings, "delivery_risk", version, end, days)
    folder.mkdir(parents=True)
    figures = {
        "model_version": version,
        "start": "2026-01-01T00:00:00Z",
        "end": f"2026-02-{end:02}T00:00:00Z",
        "breaches": breaches,
        "alerts_raised": [],
    }
    (folder / "figures.json").write_text(json.dumps(figures))
    (folder / "summary.html").write_text("a page")


def test_reports_are_listed_the_newest_first_with_the_limits_they_broke(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    written(settings, "1", 9, [])
    written(settings, "2", 10, ["false-positives"])
    written(settings, "2", 10, [], days=7)
    found = list_reports(settings, "delivery_risk")
    assert [(r["name"], r["breaches"]) for r in found] == [
        ("version-2/10-7d", []),
        ("version-2/10", ["false-positives"]),
        ("version-1/9", []),
    ]
    assert list_reports(settings, "another") == []


def test_a_file_of_a_report_is_given_by_its_name(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    written(settings, "1", 9, [])
    file = report_file(settings, "delivery_risk", "version-1/9", "summary.html")
    assert file.read_text() == "a page"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("version-1/9", "../../../../secrets/audit.key"),
        ("version-1/../version-1/9", "summary.html"),
        ("../../secrets", "audit.key"),
        ("version-1/8", "summary.html"),
    ],
)
def test_nothing_else_is_given_away(tmp_path: Path, name: str, file: str) -> None:
    settings = Settings(home=tmp_path)
    written(settings, "1", 9, [])
    with pytest.raises(UnknownReport):
        report_file(settings, "delivery_risk", name, file)
