"""The pages of a report open in a real browser through the service, behind its login."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
from fastapi import FastAPI
from playwright.sync_api import Browser

from firm.access import Caller
from headway.reports import KeptReports
from headway.settings import Settings
from monitoring.report import ReportFiles
from serving.access import Authority
from serving.access.guard import Guard
from serving.headers import SecurityHeaders
from serving.problems import install
from serving.report_routes import report_routes
from serving.scoring import Scoring
from tests.contract.serving.conftest import served
from tests.e2e.test_report_in_browser import browser, files, pytestmark
from workflows.delivery_risk import WORKFLOW as DELIVERY_RISK

__all__ = ["browser", "files", "pytestmark"]
SLUG = DELIVERY_RISK.slug
KEY = {"Authorization": "Bearer good"}


def test_both_pages_open_through_the_service_under_its_strict_headers(
    browser: Browser, files: ReportFiles, tmp_path: Path
) -> None:
    """No page may load anything, and Evidently's draws itself in a sandbox without an origin."""
    settings = Settings(home=tmp_path)
    shutil.copytree(files.html.parent, settings.reports / SLUG / "version-7" / "9")
    app = FastAPI()
    app.add_middleware(SecurityHeaders)
    install(app)
    scoring = Scoring({SLUG: DELIVERY_RISK}, None, None, None, None)  # type: ignore[arg-type]
    guard = Guard(Authority([_OneToken()]), lambda: 0)
    app.include_router(report_routes(scoring, KeptReports(settings), guard), prefix="/v1")
    wrong: list[str] = []
    with served(app) as url:
        address = f"{url}/v1/workflows/{SLUG}/reports"
        context = browser.new_context(extra_http_headers=KEY)
        opened = context.new_page()
        opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        (kept,) = httpx.get(address, headers=KEY).json()
        for file, words in (("summary.html", SLUG), ("report.html", f"{SLUG}, model version 7")):
            answer = opened.goto(f"{address}/{kept['name']}/{file}")
            assert answer is not None
            opened.get_by_text(words).first.wait_for()
            opened.wait_for_load_state("networkidle")
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            assert opened.evaluate("self.origin") == "null"
        missing = httpx.get(f"{address}/version-7/8/summary.html", headers=KEY)
        assert (missing.status_code, missing.json()["title"]) == (404, "unknown report")
        assert httpx.get(f"{address}/{kept['name']}/summary.html").status_code == 401
        context.close()
    assert wrong == []


class _OneToken:
    def caller(self, token: str, at: int) -> Caller | None:
        return Caller("reviewer", frozenset({"governance_reviewer"})) if token == "good" else None  # noqa: S105
