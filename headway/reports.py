"""The reports that were written: where they lie, and which there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from firm.errors import UnknownReport
from firm.time import Micros
from headway.settings import Settings

FILES = ("summary.html", "report.html", "figures.json", "report.json")


class KeptReports:
    """The reports of this copy (implements `serving.report_routes.Reports`)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def kept(self, workflow: str) -> list[dict[str, Any]]:
        """See `list_reports`."""
        return list_reports(self._settings, workflow)

    def file(self, workflow: str, name: str, file: str) -> Path:
        """See `report_file`."""
        return report_file(self._settings, workflow, name, file)


def report_folder(
    settings: Settings, workflow: str, version: str, end: Micros, days: float | None = None
) -> Path:
    """Where the report on a version up to an instant lies: since it was trained, or on so many
    days before."""
    name = str(end) if days is None else f"{end}-{days:g}d"
    return settings.reports / workflow / f"version-{version}" / name


def list_reports(settings: Settings, workflow: str) -> list[dict[str, Any]]:
    """The reports on a workflow, the newest first: version, window, limits broken, and its name."""
    found = []
    for file in (settings.reports / workflow).glob("version-*/*/figures.json"):
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
    return sorted(found, key=lambda one: (one["end"], one["name"]), reverse=True)


def report_file(settings: Settings, workflow: str, name: str, file: str) -> Path:
    """One file of a report that `list_reports` names.

    Raises:
        UnknownReport: there is none; nothing outside of the reports is ever given away.
    """
    known = {report["name"] for report in list_reports(settings, workflow)}
    path = settings.reports / workflow / name / file
    if name not in known or file not in FILES or not path.is_file():
        raise UnknownReport(
            f"no file {file!r} in a report {name!r} on {workflow!r}; there are {sorted(known)} "
            f"with {', '.join(FILES)}"
        )
    return path
