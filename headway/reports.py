"""The reports that were written: where they lie, and which there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from firm.errors import HeadwayError
from firm.time import Micros
from headway.settings import Settings

FILES = ("summary.html", "report.html", "figures.json", "report.json")


class UnknownReport(HeadwayError):
    """There is no such report, or no such file in it."""

    kind = "unknown-report"


def report_folder(settings: Settings, workflow: str, version: str, end: Micros) -> Path:
    """Where the report on a version up to an instant lies."""
    return settings.reports / workflow / f"version-{version}" / str(end)


def list_reports(settings: Settings, workflow: str) -> list[dict[str, Any]]:
    """The reports on a workflow, the newest first: version, window, limits broken, and its name."""
    written = (settings.reports / workflow).glob("version-*/*/figures.json")
    found = []
    for file in sorted(written, key=lambda file: int(file.parent.name), reverse=True):
        figures = json.loads(file.read_text(encoding="utf-8"))
        found.append(
            {
                "name": f"{file.parent.parent.name}/{file.parent.name}",
                "version": figures["model_version"],
                "start": figures["start"],
                "end": figures["end"],
                "breaches": figures["breaches"],
                "alerts": len(figures["alerts_raised"]),
            }
        )
    return found


def report_file(settings: Settings, workflow: str, name: str, file: str) -> Path:
    """One file of a report that `list_reports` names.

    Raises:
        UnknownReport: there is none; nothing outside of the reports is ever given away.
    """
    known = {report["name"] for report in list_reports(settings, workflow)}
    if name not in known or file not in FILES:
        raise UnknownReport(
            f"no file {file!r} in a report {name!r} on {workflow!r}; there are {sorted(known)} "
            f"with {', '.join(FILES)}"
        )
    return settings.reports / workflow / name / file
