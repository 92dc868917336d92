"""Both pages of a report open in a real browser, say what they must, and load nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from firm.alerts import Alert, AlertId
from firm.time import DAY
from firm.workflow import AtStake
from monitoring.parts import MONEY, part_column
from monitoring.report import ReportFiles, write_report
from monitoring.window import DriftLimits, FalsePositiveBudget, Window
from monitoring.words import between, number, percent
from tests.browser import chromium, needs_chromium
from training import lineage_page
from training.rows import Fingerprint
from workflows.delivery_risk import WORKFLOW

pytestmark = needs_chromium

WINDOW = Window(
    workflow="delivery_risk",
    question="Will this project slip by more than 30 days, with a margin of < 5 %?",
    owner="Delivery director",
    model_version="7",
    start=datetime(2026, 10, 1, tzinfo=UTC),
    end=datetime(2026, 11, 1, tzinfo=UTC),
    threshold=0.5,
    drift=DriftLimits(share_of_columns=0.5),
    false_positive_budget=FalsePositiveBudget(limit=0.1),
    by=("region", "agency"),
    at_stake=AtStake(money="budget", currency="USD", because="the budget of the project"),
    numeric_columns=(
        "days_late",
        "a_feature_whose_name_is_too_long_for_one_line_on_a_phone",
    ),
    categorical_columns=("region",),
)
ATTACK = "</script><script>document.title = 'taken'</script>"
ALERT = Alert(
    id=AlertId("0123456789abcdef"),
    workflow="delivery_risk",
    version="7",
    kind="inputs-changed",
    about=ATTACK,
    says="12 of 20 inputs lie away from training.",
    matters="It may: the model is asked about cases that it has seen few of.",
    todo="Whoever feeds these inputs checks that they are right.",
    owner="Delivery director",
    at=1_790_000_000_000_000,
)


def rows(seed: int, count: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.normal(shift, 1, count) for name in WINDOW.numeric_columns})
    frame["region"] = rng.choice(["north", "south", ATTACK], count)
    frame[part_column("region")] = frame["region"]
    frame[part_column("agency")] = ["DDC", "DSNY", *["DDC"] * (count - 2)]
    frame[MONEY] = 1_000_000.0
    frame["prediction"] = 1 / (1 + np.exp(-frame["days_late"]))
    frame["target"] = (rng.random(count) < frame["prediction"]).astype(float)
    return frame


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    current = rows(2, 200, shift=0.6)
    current["target"] = current["target"].where(current.index % 4 != 0)
    folder = tmp_path_factory.mktemp("report")
    return write_report(WINDOW, rows(1, 400), current, folder, [ALERT])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test if it logs an error or asks for anything beyond its file."""
    opened = browser.new_page()
    wrong: list[str] = []
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "request",
        lambda asked: (
            None if asked.url.startswith(("file:", "data:", "blob:")) else wrong.append(asked.url)
        ),
    )
    yield opened
    opened.close()
    assert wrong == []


def open_file(page: Page, file: Path) -> str:
    page.goto(file.as_uri())
    page.get_by_text("delivery_risk").first.wait_for()
    page.wait_for_load_state("networkidle")
    return page.inner_text("body")


def test_evidently_names_its_subject_and_the_figures_that_decide(
    page: Page, files: ReportFiles
) -> None:
    text, found = open_file(page, files.html), files.figures
    quality = found.quality
    alerts = quality.true_positives + quality.false_positives
    quiet = quality.true_negatives + quality.false_positives
    assert "delivery_risk, model version 7" in text
    assert "2026-10-01 00:00 to 2026-11-01 00:00 UTC" in text
    assert f"2 of 3 ({percent(found.drift.share)})" in text
    assert f"{quality.false_positives} of {alerts} ({percent(quality.false_alert_share)})" in text
    assert f"{quality.false_positives} of {quiet} ({percent(quality.false_positive_rate)})" in text
    assert f"{quality.ece:.3f}" in text
    assert page.title() != "taken"


def test_evidently_shows_which_limits_are_broken(page: Page, files: ReportFiles) -> None:
    open_file(page, files.html)
    page.get_by_text("Tests", exact=True).click()
    page.get_by_text("Share of Drifted Columns: Less or Equal 0.500").wait_for()
    share = files.figures.quality.false_alert_share
    assert share is not None
    text = page.inner_text("body")
    assert f"Share of false alerts among alerts: Actual value {share:.3f} >= 0.100" in text
    assert "2\n\nFAIL" in text


def test_evidently_opens_the_detail_of_a_column(page: Page, files: ReportFiles) -> None:
    open_file(page, files.html)
    row = page.get_by_role("row").filter(has_text="days_late")
    row.get_by_role("button").first.click()
    page.get_by_text("DATA DISTRIBUTION").nth(1).wait_for()


@pytest.mark.parametrize("width", [390, 1200])
def test_the_summary_fits_its_screen(page: Page, files: ReportFiles, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    text, found = open_file(page, files.summary), files.figures
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "with a margin of < 5 %?" in text
    assert "model version 7" in text
    assert "2026-10-01 00:00 to 2026-11-01 00:00 UTC" in text
    assert percent(found.drift.share) in text
    assert percent(found.quality.false_alert_share) in text
    assert "2 limits are broken" in text
    assert page.locator("svg").count() == 2


def test_every_figure_of_the_json_is_on_the_page(page: Page, files: ReportFiles) -> None:
    text = open_file(page, files.summary)
    found = json.loads(files.figures_json.read_text())
    single = {n: v for n, v in found.items() if isinstance(v, int | float) or v is None}
    assert len(single) >= 20
    for name, value in single.items():
        printed = f"{name.replace('_', ' ')}\t{number(value)}"
        assert printed in text, printed


def test_every_figure_of_training_of_the_curve_and_of_each_column_is_on_the_page(
    page: Page, files: ReportFiles
) -> None:
    text = open_file(page, files.summary)
    found = json.loads(files.figures_json.read_text())
    training = text.split("The same of the rows it was trained on")[1]
    for name, value in found["training"].items():
        if isinstance(value, int | float) or value is None:
            assert f"{name.replace('_', ' ')}\t{number(value)}" in training
    assert len(found["curve"]) > 1
    for one in found["curve"]:
        told = "\t".join((str(one["rows"]), number(one["said"]), number(one["happened"])))
        assert told in training
    shares = ("missing_training", "missing_now")
    columns = [*found["columns"], found["prediction_drift"]]
    assert len(columns) == 4
    for one in columns:
        judged = (one["statistic"], number(one["value"]), number(one["limit"]))
        cells = (*judged, "yes" if one["drifted"] else "no", *(number(one[n]) for n in shares))
        assert "\t".join((one["column"], *cells)) in training


def test_the_summary_says_what_changed_whether_it_matters_and_what_to_do(
    page: Page, files: ReportFiles
) -> None:
    text = open_file(page, files.summary)
    for words in (ALERT.says, ALERT.matters, ALERT.todo, f"What to do ({ALERT.owner})"):
        assert words in text


def test_the_summary_tells_each_group_and_what_hung_on_the_wrong_answers(
    page: Page, files: ReportFiles
) -> None:
    text, found = open_file(page, files.summary), files.figures
    for count, cases in (
        (found.quality.false_positives, "false alerts"),
        (found.quality.false_negatives, "missed cases"),
    ):
        assert f"{count},000,000 USD hung on the {count} {cases}." in text
    assert "counts each time that it was judged wrongly" in text
    everyone = text.split("Every group by region")[1]
    assert any(part.too_few for part in found.parts)
    for part in found.parts:
        wrong = (part.false_positives, part.false_negatives)
        counts = "\t".join(map(str, (part.name, part.judged, part.alerts, *wrong)))
        shares = f"{between(part.precision)}\t{between(part.recall)}"
        behind = "\t".join(f"{count},000,000 USD" if count else "0 USD" for count in wrong)
        assert f"{counts}\t{shares}\t{behind}\t0" in everyone
    shown = [part for part in found.parts if not part.too_few]
    assert {part.name for part in shown} == {"north", "south", ATTACK, "DDC"}
    for part in shown:
        counts = (part.judged, part.false_positives, part.false_negatives)
        figures = (between(part.precision), between(part.recall))
        assert "\t".join(map(str, (part.name, *counts, *figures))) in text
    assert page.title() != "taken"


def test_the_summary_can_be_read_on_a_phone(page: Page, files: ReportFiles) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_file(page, files.summary)
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('p, li, a')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 14


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_of_a_version_leads_from_it_to_the_records_of_the_log(
    page: Page, tmp_path: Path, width: int
) -> None:
    data = Fingerprint(240, ((0, 17, 3_456),), "ab" * 32)
    file = tmp_path / lineage_page.FILE
    file.write_text(lineage_page.page(WORKFLOW, "7", data, 20_000 * DAY, "headway.events"))
    page.set_viewport_size({"width": width, "height": 844})
    text = open_file(page, file)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for words in ("240 rows", data.sha256, "2024-10-04", "partition 0, offsets 17 to 3,456"):
        assert words in text
    for feature in WORKFLOW.features:
        for told in (feature.name, feature.source, feature.why):
            assert told in text
    drawn = page.locator("svg text").all_text_contents()
    steps = ["delivery_risk, version 7", "240 training rows", "headway.events"]
    assert [one for one in drawn if one in steps] == steps


def test_the_summary_leads_to_the_whole_report(page: Page, files: ReportFiles) -> None:
    open_file(page, files.summary)
    page.get_by_role("link", name="All figures and charts").click()
    page.get_by_text("About this report").wait_for()
    assert page.url == files.html.as_uri()
