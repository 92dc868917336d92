"""A report on one window of a workflow: Evidently's pages, the figures, a page in plain words."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from firm.alerts import Alert
from monitoring.comparison import plan
from monitoring.errors import BadRows
from monitoring.figures import Figures
from monitoring.frames import prepare
from monitoring.parts import lost, parts
from monitoring.quality import judge, share_that_happened
from monitoring.remarks import remarks
from monitoring.sampling import gather
from monitoring.summary import page
from monitoring.window import Window

SAMPLED = "Columns are compared on an even sample of {:,} of {:,} decisions; all are judged."


@dataclass(frozen=True)
class ReportFiles:
    """Where the report lies, and what it found.

    Attributes:
        html, json: Evidently's report for people and for programs.
        figures_json: `figures` as JSON; written last, so that it stands for a whole report.
        summary: one page in plain words that links to `html`, so keep both in one folder.
    """

    html: Path
    json: Path
    figures_json: Path
    summary: Path
    figures: Figures


def write_report(
    window: Window,
    reference: pd.DataFrame,
    current: pd.DataFrame | Iterable[pd.DataFrame],
    folder: Path,
    alerts: Sequence[Alert] = (),
) -> ReportFiles:
    """Compare the decisions of a window with the model's training rows, and judge its scores.

    Takes 3 s for 1,000 rows of 30 features, after 7 s for importing Evidently once; of more than
    10,000 rows an even sample is compared, and the scores of all are judged.

    Args:
        reference: the training rows of the model version: the feature columns of the window,
            `prediction` (a probability) and `target` (0 or 1).
        current: the decisions of the window with the same columns; `target` is missing where
            the outcome is not known yet. A row without a score is counted and left out. Where
            the window declares groups or stakes, the columns of `monitoring.parts` too. Many
            rows are best given in several frames, so that they are never in memory at once.
        folder: made if it does not exist; an earlier report in it is replaced.
        alerts: what monitoring found in the window; the page in plain words shows them.

    Raises:
        BadRows: a frame breaks this contract; all that is wrong is said at once.
        FiguresDisagree: Evidently contradicts its own statistics; no report is written.
    """
    frames_of = [current] if isinstance(current, pd.DataFrame) else current
    rows = gather(window, "the decisions", frames_of)
    learnt = gather(window, "the training rows", [reference])
    if problems := (*learnt.problems, *rows.problems):
        raise BadRows(window.workflow, problems)
    frames = prepare(window, learnt.sample, rows.sample)
    constant = share_that_happened(learnt.judged)
    training = judge(learnt.judged, window.threshold, constant)
    quality = judge(rows.judged, window.threshold, constant)
    comparison = plan(window, frames)
    notes = (
        *remarks(window, frames, comparison, training, quality),
        *([SAMPLED.format(len(rows.sample), rows.rows)] if rows.is_sampled else []),
    )
    snapshot, drift = _evidently()(window, frames, comparison, training, quality, notes)
    unscored = rows.rows - len(rows.judged)
    figures = Figures(
        window=window,
        training=training,
        quality=quality,
        unscored=unscored,
        drift=drift,
        notes=notes,
        alerts=tuple(alerts),
        parts=parts(rows.judged, window.by, window.threshold, window.at_stake),
        lost=lost(rows.judged, window.threshold, window.at_stake),
    )

    folder.mkdir(parents=True, exist_ok=True)
    files = ReportFiles(
        html=folder / "report.html",
        json=folder / "report.json",
        figures_json=folder / "figures.json",
        summary=folder / "summary.html",
        figures=figures,
    )
    snapshot.save_html(str(files.html))
    snapshot.save_json(str(files.json))
    files.summary.write_text(page(figures, frames, files.html.name), encoding="utf-8")
    files.figures_json.write_text(figures.json(), encoding="utf-8")
    return files


def _evidently() -> Callable[..., Any]:
    """Import Evidently now: it takes 7 s, which who only declares a window should not wait for."""
    with warnings.catch_warnings():
        # importing Evidently imports its web server, whose deprecations are not ours to mend
        warnings.simplefilter("ignore", DeprecationWarning)
        from monitoring.evidently_report import run  # noqa: PLC0415 - see above
    return run
