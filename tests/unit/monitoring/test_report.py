"""The report of one window: its figures are right, and what cannot be said is said."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.stats import ks_2samp  # type: ignore[import-untyped]  # SciPy carries no types
from sklearn import metrics

from firm.errors import HeadwayError
from monitoring.errors import BadRows
from monitoring.report import ReportFiles, write_report
from monitoring.window import DriftLimits, FalsePositiveBudget, Window

NUMERIC = ("days_late", "open_risks", "burn")
THRESHOLD = 0.4


def window(**changed: Any) -> Window:
    declared: dict[str, Any] = {
        "workflow": "delivery_risk",
        "question": "Will the margin of this project fall below < 5 %?",
        "owner": "Delivery director",
        "model_version": "7",
        "start": datetime(2026, 10, 1, tzinfo=UTC),
        "end": datetime(2026, 11, 1, tzinfo=UTC),
        "threshold": THRESHOLD,
        "drift": DriftLimits(share_of_columns=0.3),
        "false_positive_budget": FalsePositiveBudget(limit=0.3),
        "numeric_columns": NUMERIC,
        "categorical_columns": ("region",),
    }
    return Window(**(declared | changed))


def rows(seed: int, count: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.normal(0, 1, count) for name in NUMERIC})
    frame["days_late"] += shift
    frame["region"] = rng.choice(["north", "south", "east"], count)
    frame["prediction"] = 1 / (1 + np.exp(-1.5 * frame["days_late"]))
    frame["target"] = (rng.random(count) < frame["prediction"]).astype(float)
    frame.loc[rng.random(count) < 0.1, "burn"] = np.nan
    return frame


TRAINING = rows(1, 400)


def decisions() -> pd.DataFrame:
    """200 decisions that came later in `days_late`; every fourth outcome is not known yet."""
    return rows(2, 200, shift=0.8).assign(
        target=lambda frame: frame["target"].where(frame.index % 4 != 0)
    )


def report(folder: Path, current: pd.DataFrame, **changed: Any) -> dict[str, Any]:
    files = write_report(window(**changed), TRAINING, current, folder)
    figures: dict[str, Any] = json.loads(files.figures_json.read_text())
    return figures


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    return write_report(window(), TRAINING, decisions(), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def figures(files: ReportFiles) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(files.figures_json.read_text())
    return read


def test_names_its_subject(figures: dict[str, Any]) -> None:
    assert figures["workflow"] == "delivery_risk"
    assert figures["model_version"] == "7"
    assert (figures["start"], figures["end"]) == ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
    assert figures["declared"]["threshold"] == THRESHOLD


def test_quality_is_that_of_scikit_learn_on_known_outcomes(figures: dict[str, Any]) -> None:
    known = decisions().dropna(subset=["target"])
    truth, score = known["target"], known["prediction"]
    alert = score >= THRESHOLD
    quiet, false, missed, hits = metrics.confusion_matrix(truth, alert).ravel().tolist()
    assert figures["rows"] == 200
    assert figures["matured"] == 150
    assert figures["immature_share"] == 0.25
    assert figures["false_positives"] == false
    assert figures["true_positives"] == hits
    assert figures["false_negatives"] == missed
    assert figures["false_positive_rate"] == pytest.approx(false / (false + quiet))
    assert figures["false_alert_share"] == pytest.approx(false / (false + hits))
    assert figures["precision"] == pytest.approx(metrics.precision_score(truth, alert))
    assert figures["recall"] == pytest.approx(metrics.recall_score(truth, alert))
    assert figures["auc"] == pytest.approx(metrics.roc_auc_score(truth, score))
    assert figures["brier"] == pytest.approx(metrics.brier_score_loss(truth, score))
    usual = np.full(len(truth), TRAINING["target"].mean())
    assert figures["brier_constant"] == pytest.approx(metrics.brier_score_loss(truth, usual))


def test_the_calibration_error_is_the_one_worked_out_by_hand(tmp_path: Path) -> None:
    """Two bins: ten cases scored .2 of which three happen, ten scored .7 of which five happen."""
    by_hand = rows(3, 20).assign(
        prediction=[0.2] * 10 + [0.7] * 10, target=[1] * 3 + [0] * 7 + [1] * 5 + [0] * 5
    )
    found = report(tmp_path, by_hand)
    assert [(b["rows"], b["said"], b["happened"]) for b in found["curve"]] == [
        (10, pytest.approx(0.2), pytest.approx(0.3)),
        (10, pytest.approx(0.7), pytest.approx(0.5)),
    ]
    assert found["ece"] == pytest.approx((0.1 + 0.2) / 2)


def test_drift_is_found_where_it_was_put(figures: dict[str, Any]) -> None:
    chance = ks_2samp(TRAINING["days_late"], decisions()["days_late"]).pvalue
    assert figures["drifted_columns"] == ["days_late"]
    assert figures["drifted_columns_share"] == 0.25
    first = figures["columns"][0]
    assert (first["column"], first["statistic"]) == ("days_late", "ks")
    assert first["value"] == pytest.approx(chance)
    assert figures["prediction_drift"]["drifted"]
    assert figures["columns"][2]["missing_now"] == pytest.approx(decisions()["burn"].isna().mean())


def test_evidently_says_the_same_as_our_figures(
    files: ReportFiles, figures: dict[str, Any]
) -> None:
    said = json.loads(files.json.read_text())["metrics"]
    value = {one["metric_name"].split("(")[0]: one["value"] for one in said}
    ours = {one["config"]["figure"]: one["value"] for one in said if "figure" in one["config"]}
    assert value["FPR"] == pytest.approx(figures["false_positive_rate"])
    assert value["Precision"] == pytest.approx(figures["precision"])
    assert value["Recall"] == pytest.approx(figures["recall"])
    assert value["RocAuc"] == pytest.approx(figures["auc"])
    assert value["DriftedColumnsCount"] == {"count": 1.0, "share": 0.25}
    assert ours["false_positives"] == figures["false_positives"]
    for name in ("false_alert_share", "false_positive_rate", "brier", "brier_constant", "ece"):
        assert ours[name] == figures[name]


def test_a_limit_is_kept_at_the_limit_and_broken_above(tmp_path: Path) -> None:
    kept = report(tmp_path, decisions(), drift=DriftLimits(share_of_columns=0.25))
    broken = report(tmp_path, decisions(), drift=DriftLimits(share_of_columns=0.24))
    assert "drifted-columns" not in kept["breaches"]
    assert "drifted-columns" in broken["breaches"]


def test_there_is_one_verdict_on_drift_only(files: ReportFiles) -> None:
    """Evidently's own speaks of drift at the limit already, where ours is kept."""
    assert "Dataset Drift is" not in files.html.read_text()


@pytest.mark.parametrize("among", ["alerts", "negatives"])
def test_the_budget_is_of_what_was_declared(tmp_path: Path, among: str) -> None:
    figure = {"alerts": "false_alert_share", "negatives": "false_positive_rate"}[among]
    strict = FalsePositiveBudget.model_validate({"limit": 0.01, "among": among})
    found = report(tmp_path, decisions(), false_positive_budget=strict)
    assert found["breaches"] == ["false-positives"]
    assert found["limits"][0]["actual"] == found[figure]
    tests = json.loads((tmp_path / "report.json").read_text())["tests"]
    failed = [one["metric_config"]["params"] for one in tests if one["status"] == "FAIL"]
    assert [one["figure"] for one in failed] == [figure]


def test_the_same_rows_give_the_same_figures(files: ReportFiles, tmp_path: Path) -> None:
    again = write_report(window(), TRAINING, decisions(), tmp_path)
    assert again.figures_json.read_bytes() == files.figures_json.read_bytes()
    assert again.json.read_bytes() == files.json.read_bytes()
    assert again.summary.read_bytes() == files.summary.read_bytes()


def test_nothing_goes_to_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a report opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    write_report(window(), TRAINING, decisions(), tmp_path)


def test_the_rows_of_the_caller_stay_as_they_are(tmp_path: Path) -> None:
    given = decisions()
    write_report(window(), TRAINING, given, tmp_path)
    pd.testing.assert_frame_equal(given, decisions())


@pytest.mark.parametrize("unknown", [np.nan, None, pd.NA])
def test_without_an_outcome_quality_is_not_judged(tmp_path: Path, unknown: Any) -> None:
    found = report(tmp_path, decisions().assign(target=unknown))
    assert found["immature_share"] == 1.0
    for name in ("precision", "recall", "auc", "brier", "ece", "false_positive_rate"):
        assert found[name] is None
    assert found["limits"][0]["kept"] is None
    assert "No outcome of this window is known yet" in found["notes"][0]
    assert "Not everything can be judged yet" in (tmp_path / "summary.html").read_text()


@pytest.mark.parametrize(("outcome", "note"), [(1, "it happened"), (0, "it did not happen")])
def test_one_class_only_has_no_ranking(tmp_path: Path, outcome: int, note: str) -> None:
    found = report(tmp_path, decisions().assign(target=outcome))
    assert found["auc"] is None
    assert found["brier"] is not None
    assert f"In all known cases {note}" in found["notes"][0]
    assert "section on classification is left out" in " ".join(found["notes"])


def test_no_alert_has_no_precision_rather_than_zero(tmp_path: Path) -> None:
    found = report(tmp_path, decisions().assign(prediction=0.1))
    assert found["alerts"] == 0
    assert found["precision"] is None
    assert found["false_alert_share"] is None
    assert found["recall"] == 0.0
    assert found["limits"][0]["kept"] is None


def test_few_rows_are_counted_but_not_judged(tmp_path: Path) -> None:
    found = report(tmp_path, decisions().head(6))
    assert found["rows"] == 6
    assert found["drifted_columns_share"] is None
    assert found["prediction_drift"] is None
    assert found["limits"][0]["why"] == "Outcomes known: 4. Needed to judge: 30."
    assert {c["reason"] for c in found["not_compared"]} == {"fewer than 30 values in this window"}


def test_a_window_without_decisions_is_reported_as_such(tmp_path: Path) -> None:
    found = report(tmp_path, decisions().head(0))
    assert found["rows"] == 0
    assert found["immature_share"] is None
    assert found["breaches"] == []
    assert found["notes"][0] == "No decision of this window has a score."
    assert "The model gave no score in this time." in (tmp_path / "summary.html").read_text()


def test_an_empty_column_is_named_and_a_silent_source_breaks_a_limit(tmp_path: Path) -> None:
    found = report(tmp_path, decisions().assign(burn=np.nan, region=None))
    assert found["compared_columns_count"] == 2
    assert found["silent_columns"] == ["burn", "region"]
    assert found["breaches"] == ["drifted-columns", "silent-columns"]
    assert "Not compared, empty in this window: burn, region." in found["notes"]


def test_a_constant_column_is_compared_and_pointed_out(tmp_path: Path) -> None:
    found = report(tmp_path, decisions().assign(open_risks=0.0, region="north"))
    assert found["drifted_columns"] == ["days_late", "open_risks", "region"]
    assert "open_risks has the same value in every decision of this window." in found["notes"]


def test_a_constant_column_that_stays_the_same_has_not_drifted(tmp_path: Path) -> None:
    same: dict[str, Any] = {"open_risks": 0.0, "region": "north"}
    files = write_report(window(), TRAINING.assign(**same), decisions().assign(**same), tmp_path)
    assert [column.column for column in files.figures.drift.drifted] == ["days_late"]


def test_a_constant_column_among_whole_ones_is_no_cause_for_warnings(tmp_path: Path) -> None:
    """Evidently correlates all columns where no value is missing."""
    whole = decisions().assign(open_risks=0.0).fillna({"days_late": 0.0, "burn": 0.0})
    assert report(tmp_path, whole)["rows"] == len(whole)


def test_values_that_are_no_numbers_count_as_missing_and_are_counted(tmp_path: Path) -> None:
    odd = decisions().astype({"open_risks": object})
    odd.loc[:2, "open_risks"] = ["n/a", np.inf, None]
    found = report(tmp_path, odd)
    note = "open_risks: 2 values of the decisions are no finite numbers and count as missing."
    assert note in found["notes"]
    assert found["columns"][1]["missing_now"] == pytest.approx(3 / 200)


def test_a_rising_share_of_missing_values_is_pointed_out(tmp_path: Path) -> None:
    half = decisions()
    half.loc[half.index % 2 == 0, "open_risks"] = np.nan
    found = report(tmp_path, half)
    assert "open_risks is missing in 50% of the decisions, in training in 0%." in found["notes"]


def test_decisions_without_a_score_are_left_out_and_counted(tmp_path: Path) -> None:
    some = decisions()
    some.loc[:9, "prediction"] = np.nan
    found = report(tmp_path, some)
    assert (found["rows"], found["unscored"]) == (190, 10)
    assert "10 decisions have no score and are left out." in found["notes"]


def test_one_row_of_an_unknown_level_is_not_yet_drift(tmp_path: Path) -> None:
    few_new = decisions()
    few_new.loc[0, "region"] = "overseas"
    many_new = decisions()
    many_new.loc[:49, "region"] = "overseas"
    assert "region" not in report(tmp_path, few_new)["drifted_columns"]
    assert "region" in report(tmp_path, many_new)["drifted_columns"]


def test_a_column_of_many_names_does_not_drift_by_its_new_names(tmp_path: Path) -> None:
    training, current = TRAINING.copy(), decisions()
    rng = np.random.default_rng(5)
    training["region"] = [f"owner {n}" for n in rng.integers(0, 300, len(training))]
    current["region"] = [f"owner {n}" for n in rng.integers(0, 300, len(current))]
    found = write_report(window(), training, current, tmp_path).figures
    assert "region" not in [column.column for column in found.drift.drifted]


def test_whole_numbers_are_the_same_levels_with_and_without_gaps(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    training = TRAINING.assign(region=rng.integers(1, 4, len(TRAINING)))
    current = decisions().assign(region=rng.integers(1, 4, 200).astype(float))
    current.loc[0, "region"] = np.nan
    found = write_report(window(), training, current, tmp_path).figures
    assert "region" not in [column.column for column in found.drift.drifted]


def test_many_rows_are_compared_by_distance(tmp_path: Path) -> None:
    files = write_report(window(), rows(7, 1_300), rows(8, 1_300), tmp_path)
    found = files.figures.drift
    assert {c.statistic for c in found.columns} == {"wasserstein", "jensenshannon"}
    assert found.drifted == ()


def test_what_a_value_says_cannot_run_as_a_script(tmp_path: Path) -> None:
    attack = "</script><script>alert(1)</script>"
    write_report(window(owner=attack), TRAINING, decisions().assign(region=attack), tmp_path)
    for page in ("report.html", "summary.html"):
        assert attack not in (tmp_path / page).read_text()


def test_rows_that_break_the_contract_are_refused_with_all_reasons(tmp_path: Path) -> None:
    bad = decisions().assign(prediction=1.5, target=2, burn=pd.Timestamp("2026-10-01"))
    with pytest.raises(BadRows) as refused:
        write_report(window(), TRAINING.drop(columns="region"), bad, tmp_path)
    assert isinstance(refused.value, HeadwayError)
    assert refused.value.problems == (
        "the training rows lack the columns ['region']",
        "the decisions have times in burn, which is declared numeric",
        "the decisions have a prediction that is no probability from 0 to 1",
        "the decisions have a target other than 0, 1 or missing",
    )
    assert list(tmp_path.iterdir()) == []


def test_without_training_rows_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(BadRows, match="no training row has a score"):
        write_report(window(), TRAINING.head(0), decisions(), tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": datetime(2026, 10, 1)},  # noqa: DTZ001 - a naive time is what is refused
        {"end": datetime(2026, 9, 1, tzinfo=UTC)},
        {"threshold": 1.5},
        {"numeric_columns": ("burn", "burn")},
        {"categorical_columns": ("target",)},
        {"numeric_columns": ("</script>",)},
    ],
)
def test_a_window_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        window(**wrong)
