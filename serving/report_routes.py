"""The routes on kept reports: which there are, and their pages, behind the login."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from serving.access.guard import Guard
from serving.documented import PROBLEMS
from serving.scoring import Scoring

File = Literal["summary.html", "report.html", "figures.json", "report.json"]
TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json"}
PAGE = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
)
"""What a page may do: show what it brings with it, and nothing else."""
POLICIES: dict[str, str] = {
    "report.html": f"{PAGE} allow-scripts; script-src 'unsafe-inline' 'unsafe-eval'; "
    "worker-src blob:",
}
"""Evidently's page draws itself; it does so in a sandbox that reaches neither this service nor any
other."""


class ReportShown(BaseModel):
    """A report that was kept. Its pages are at `{name}/summary.html`, `report.html`,
    `figures.json` and `report.json` below this list."""

    name: str
    version: str
    start: AwareDatetime
    end: AwareDatetime
    breaches: list[str]
    alerts: int


class Reports(Protocol):
    """The reports that were written."""

    def kept(self, workflow: str) -> Sequence[dict[str, Any]]:
        """Those of a workflow, the newest first."""

    def file(self, workflow: str, name: str, file: str) -> Path:
        """One file of a report; raises an error of the kind unknown-report."""


def report_routes(scoring: Scoring, reports: Reports, guard: Guard) -> APIRouter:
    """The routes over the folder of reports."""
    router = APIRouter(prefix="/workflows/{slug}/reports", tags=["reports"], responses=PROBLEMS)
    read = guard.needs("reports:read")

    @router.get("", dependencies=[read])
    def index(slug: str) -> list[ReportShown]:
        """The kept reports on a workflow, the newest first."""
        found = reports.kept(scoring.workflow(slug).slug)
        return [ReportShown.model_validate(one) for one in found]

    @router.get(
        "/{version}/{end}/{file}",
        dependencies=[read],
        response_class=FileResponse,
        responses={200: {"content": {"text/html": {}, "application/json": {}}}},
    )
    async def page(slug: str, version: str, end: str, file: File) -> FileResponse:
        """One file of a report: the summary in plain words, Evidently's page, or their figures."""
        workflow = scoring.workflow(slug).slug
        path = await run_in_threadpool(reports.file, workflow, f"{version}/{end}", file)
        headers = {"Content-Security-Policy": POLICIES.get(file, PAGE)}
        return FileResponse(path, headers=headers, media_type=TYPES[path.suffix])

    return router
