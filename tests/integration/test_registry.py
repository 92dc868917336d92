"""The registry on a real database and folder: what goes in comes out, and only that scores."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firm.errors import ModelRefused
from firm.store import SqlStore
from headway.aliases import AliasKeeper
from headway.governance import Governance
from headway.lifecycle import align, registration
from tests.browser import chromium, needs_chromium
from tests.unit.training.small import MONTH, START, WORKFLOW, log
from tests.versions import promote, settings_of
from training.lineage import in_words
from training.lineage_page import FILE, page
from training.registry import Registry
from training.server import command
from training.train import TrainingReport, train

pytestmark = [
    # MLflow's tables ask SQLAlchemy for a loader that a later release drops.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
    # MLflow complains of its own type hints, the first time that it is imported.
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]
CUT = START + 7 * MONTH
SLUG = WORKFLOW.slug
PATIENCE_MILLIS = 80_000
"""A browser on a busy machine takes its time to read the scripts of MLflow's pages."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry with a space")


def uri(place: Path) -> str:
    return f"sqlite:///{place}/mlflow.db"


@pytest.fixture(scope="module")
def registry(place: Path) -> Registry:
    return Registry(uri(place), place / "artifacts")


@pytest.fixture(scope="module")
def reports(registry: Registry) -> list[TrainingReport]:
    return [
        train(WORKFLOW, log(), cut, registry, at=cut, trained_by="ada", code_version="abc")
        for cut in (CUT - MONTH, CUT)
    ]


def test_versions_come_out_as_they_went_in(
    registry: Registry, reports: list[TrainingReport]
) -> None:
    assert registry.versions(SLUG) == [report.version for report in reports]
    assert [report.version.version for report in reports] == ["1", "2"]
    assert [report.version.cut for report in reports] == [CUT - MONTH, CUT]


def test_a_version_scores_from_its_own_file(reports: list[TrainingReport], place: Path) -> None:
    version = reports[1].version
    assert version.path.is_relative_to(place / "artifacts")
    assert version.scorer(WORKFLOW).version == "2"
    assert len(version.scorer(WORKFLOW).predict([(1000.0, None, 2.0, 0.4)])) == 1


def test_a_report_is_kept_with_its_version(
    registry: Registry, reports: list[TrainingReport], place: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "1234"
    folder.mkdir()
    (folder / "summary.html").write_text("in plain words")
    registry.keep_report(reports[1].version, folder)
    (kept,) = (place / "artifacts").rglob("reports/1234/summary.html")
    assert kept.read_text() == "in plain words"
    assert reports[1].version.run in kept.parts


def test_a_page_is_kept_with_its_version(
    registry: Registry, reports: list[TrainingReport], place: Path
) -> None:
    registry.keep_page(reports[1].version, "lineage.html", "<p>from here to there</p>")
    (kept,) = (place / "artifacts").rglob("lineage.html")
    assert kept.read_text() == "<p>from here to there</p>"
    assert reports[1].version.run in kept.parts


def test_card_and_pictures_are_kept_with_the_run(
    reports: list[TrainingReport], place: Path
) -> None:
    kept = place / "artifacts" / SLUG / reports[0].version.run / "artifacts"
    assert {path.name for path in kept.iterdir()} == {
        "contributions.png",
        "gains.png",
        "model_card.md",
        "precision_recall.png",
        "reliability.png",
    }
    assert reports[0].data.sha256 in (kept / "model_card.md").read_text()


def test_an_alias_points_at_the_version_that_was_set_last_or_at_none(
    registry: Registry, reports: list[TrainingReport]
) -> None:
    registry.set_alias(SLUG, "champion", "2")
    registry.set_alias(SLUG, "champion", "1")
    registry.set_alias(SLUG, "canary", "2")
    assert registry.aliases(SLUG) == {"champion": "1", "canary": "2"}
    registry.set_alias(SLUG, "canary", None)
    registry.set_alias(SLUG, "canary", None)
    assert registry.aliases(SLUG) == {"champion": "1"}


def test_another_process_sees_the_same(
    registry: Registry, reports: list[TrainingReport], place: Path
) -> None:
    registry.set_alias(SLUG, "champion", "2")
    other = Registry(uri(place), place / "artifacts")
    assert other.aliases(SLUG)["champion"] == "2"


def test_a_version_that_nobody_registered_is_refused(
    registry: Registry, reports: list[TrainingReport]
) -> None:
    with pytest.raises(ModelRefused, match="no version '9'"):
        registry.set_alias(SLUG, "champion", "9")


def test_a_workflow_that_was_never_trained_has_no_versions(registry: Registry) -> None:
    assert registry.versions("unheard_of") == []
    assert registry.aliases("unheard_of") == {}
    registry.set_alias("unheard_of", "champion", None)


def test_a_file_changed_in_the_registry_is_refused(reports: list[TrainingReport]) -> None:
    version = reports[0].version
    content = version.path.read_bytes()
    version.path.write_bytes(content[:-1] + b" ")
    with pytest.raises(ModelRefused, match="the file was changed"):
        version.scorer(WORKFLOW)
    version.path.write_bytes(content)


def answer(port: int, path: str, **request: Any) -> int:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", **request)  # noqa: S310 - http
    try:
        with urllib.request.urlopen(asked, timeout=20) as response:  # noqa: S310 - http
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture(scope="module")
def port(place: Path, reports: list[TrainingReport]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    argv, environment = command(uri(place), place / "artifacts", port)
    with subprocess.Popen(argv, env=os.environ | environment) as pages:  # noqa: S603 - our argv
        wait_for(port, pages)
        yield port
        pages.terminate()


def wait_for(port: int, pages: subprocess.Popen[bytes]) -> None:
    while pages.poll() is None:
        try:
            assert answer(port, "/health") == 200
        except urllib.error.URLError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"the pages ended with {pages.returncode} before they were up")


MLFLOW = "/api/2.0/mlflow"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        (f"{MLFLOW}/registered-models/get?name={SLUG}", 200),
        (f"{MLFLOW}/registered-models/get?name=unheard_of", 404),
        ("/ajax-api/3.0/mlflow/assistant/config", 403),
    ],
)
def test_the_pages_show_what_is_registered(port: int, path: str, status: int) -> None:
    assert answer(port, path) == status


@pytest.mark.slow
def test_a_card_can_be_read_in_the_pages(port: int, reports: list[TrainingReport]) -> None:
    run = reports[0].version.run
    assert answer(port, f"/get-artifact?run_uuid={run}&path=model_card.md") == 200


@pytest.mark.slow
def test_runs_can_be_searched_in_the_pages(port: int) -> None:
    headers = {"Content-Type": "application/json"}
    body = b'{"experiment_ids": ["1"]}'
    assert answer(port, f"{MLFLOW}/runs/search", data=body, headers=headers) == 200


@pytest.mark.slow
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nobody_moves_the_champion_through_the_pages(
    port: int, registry: Registry, method: str
) -> None:
    registry.set_alias(SLUG, "champion", "1")
    body = f'{{"name": "{SLUG}", "alias": "champion", "version": "2"}}'.encode()
    status = answer(
        port,
        f"{MLFLOW}/registered-models/alias",
        data=body,
        headers={"Content-Type": "application/json"},
        method=method,
    )
    assert status == 403
    assert registry.aliases(SLUG)["champion"] == "1"


@pytest.mark.slow
def test_a_page_under_another_name_is_refused(port: int) -> None:
    assert answer(port, "/", headers={"Host": "evil.example"}) == 403


@pytest.mark.slow
@needs_chromium
def test_the_page_of_a_version_links_to_the_picture_of_where_it_comes_from(
    port: int, registry: Registry, reports: list[TrainingReport]
) -> None:
    version, data = reports[1].version, reports[1].data
    drawn = page(WORKFLOW, version.version, data, version.cut, "firm.events")
    link = registry.keep_page(version, FILE, drawn)
    words = in_words(WORKFLOW, data, version.cut, "firm.events", link)
    registry.describe(SLUG, version.version, words)
    with chromium() as browser:
        tab = browser.new_page()
        tab.context.set_default_timeout(PATIENCE_MILLIS)
        tab.goto(f"http://127.0.0.1:{port}/#/models/{SLUG}/versions/{version.version}")
        with tab.context.expect_page() as opened:
            tab.get_by_role("link", name=FILE).click()
        picture = opened.value.frame_locator("iframe").locator("svg text")
        picture.first.wait_for()
        told = picture.all_text_contents()
    assert {"small_risk, version 2", "240 training rows", "firm.events"} <= set(told)


class Approved:
    """A copy's record over the same registry: version 1 was promoted by two people."""

    def __init__(self, home: Path, reports: list[TrainingReport], port: int) -> None:
        settings = settings_of(home, database=f"sqlite:///{home}/headway.db")
        self.store = SqlStore(settings.database or "", settings.audit_key())
        self.store.migrate()
        self.governance = Governance(settings, self.store)
        for report in reports:
            self.governance.register(registration(report, CUT))
        promote(self.governance, "1", SLUG)
        self.keeper = AliasKeeper(
            self.store, self.governance, {SLUG: WORKFLOW}, f"http://127.0.0.1:{port}"
        )

    def align(self, registry: Registry) -> list[str]:
        return align(self.governance, self.store, lambda: registry)

    def alarms(self) -> list[str]:
        return [record.alert.says for record in self.store.alerts(SLUG)]

    def look(self) -> list[str]:
        self.keeper.look_soon()
        self.keeper.tick()
        return self.alarms()


@pytest.fixture
def approved(tmp_path: Path, reports: list[TrainingReport], port: int) -> Iterator[Approved]:
    made = Approved(tmp_path, reports, port)
    yield made
    made.keeper.close()
    made.store.close()


@pytest.mark.slow
def test_aliases_show_what_was_promoted_also_after_a_crash_on_the_way(
    approved: Approved, registry: Registry
) -> None:
    assert approved.store.unaligned() != {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(approved.store, "mark_aligned", crash)
        with pytest.raises(KeyboardInterrupt):
            approved.align(registry)
    assert approved.align(registry) == [SLUG]
    assert registry.aliases(SLUG) == {"champion": "1"}
    assert approved.align(registry) == []
    assert approved.look() == []


@pytest.mark.slow
def test_an_alias_that_was_moved_past_its_approval_is_refused_and_raises_an_alarm(
    approved: Approved, registry: Registry
) -> None:
    approved.align(registry)
    registry.set_alias(SLUG, "champion", "2")
    (alarm,) = approved.look()
    assert "alias champion of small_risk was moved to version 2 past its approval" in alarm
    assert approved.look() == [alarm], "it is raised once"
    assert approved.governance.standing(SLUG).champion is not None
    assert approved.governance.standing(SLUG).champion.version == "1"
    registry.set_alias(SLUG, "champion", "1")
    assert approved.look() == [], "it resolves itself when the alias points back"


def crash(*_: object) -> None:
    """Ctrl-C at the worst moment."""
    raise KeyboardInterrupt
