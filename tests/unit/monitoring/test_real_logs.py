"""Real drift is heard as it happens, an artefact of labels is told from it, and a stationary
control stays silent."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.stats import wasserstein_distance  # type: ignore[import-untyped]
from sklearn.metrics import brier_score_loss, roc_auc_score

from firm.time import DAY, Micros, to_datetime, to_micros
from firm.workflow import Workflow
from monitoring.cases import Cases
from monitoring.looks import HAPPENED, OPEN, look
from monitoring.quality import judge_cases
from tests.unit.monitoring.replayed import (
    Run,
    at_cut,
    in_time,
    replayed,
    run,
    shuffled,
)
from training.fit import fit
from training.replay import Replayed
from training.rows import UNKNOWN, TrainingRows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DETECTED_WITHIN = 200
"""Outcomes looked at, of decisions taken after the version went live."""
SEEDS = range(20)


def day(year: int, month: int, of_month: int) -> Micros:
    return to_micros(datetime(year, month, of_month, tzinfo=UTC))


CUT, END = day(2016, 3, 26), day(2016, 5, 8)


@pytest.fixture(scope="module")
def incidents() -> tuple[Workflow, Replayed]:
    return replayed("service_incidents", "service_level")


@pytest.fixture(scope="module")
def april(incidents: tuple[Workflow, Replayed]) -> Run:
    """A version trained after the batch, watched through April."""
    workflow, whole = incidents
    return run(workflow, in_time(whole.rows), at_cut(workflow, whole, CUT), CUT, END)


def test_the_fall_of_the_breach_rate_is_heard_as_it_happens(april: Run) -> None:
    first = april.raised("outcomes-changed")[0]
    assert first.evidence["looked_at"] <= DETECTED_WITHIN
    assert to_datetime(first.at).date().isoformat() <= "2016-04-05"
    assert str(first.evidence["since"]) >= "2016-03-26"
    assert first.evidence["before_did_not"] < 0.5 < first.evidence["since_did_not"]
    assert len(first.evidence["features"]) == len(first.evidence["weights"]) == 5


def test_the_batch_of_labels_is_told_as_one_and_kept_out_of_the_comparison(april: Run) -> None:
    (batch,) = april.raised("labels-in-a-batch")
    assert (batch.about, batch.evidence["outcomes"]) == ("2016-03-24", 3114)
    assert "artefact" in batch.matters
    (silent,) = april.raised("labels-silent")
    assert silent.about == "2016-03-10"
    assert "labels-in-a-batch" not in {alert.kind for alert in april.alerts if alert.at > CUT}


def test_the_figures_are_those_of_an_offline_computation(april: Run) -> None:
    live, score, reference = april.live, april.score, april.reference
    for window in april.version.windows:
        rows = live.features[window.first : window.last]
        assert window.inputs
        for column in window.inputs.columns:
            place = live.names.index(column.name)
            then, now = reference.features[:, place], rows[:, place]
            then, now = then[~np.isnan(then)], now[~np.isnan(now)]
            exact = wasserstein_distance(then, now) / max(then.std(), 0.001)
            assert column.distance == pytest.approx(exact, abs=0.01, rel=0.03)
        told = score[window.first : window.last]
        assert window.expected.brier == pytest.approx(float(np.mean(told * (1 - told))))
    cases = april.version.cases().matured(END, 7)
    assert cases.score.tolist() == score[: len(cases)].tolist()
    known = live.known_from[: len(cases)] < END
    truth = np.where(known, live.outcome[: len(cases)], np.nan)
    np.testing.assert_array_equal(cases.outcome, truth)
    found = judge_cases(cases, 0.3, None)
    assert found.auc == pytest.approx(roc_auc_score(truth[known], cases.score[known]))
    assert found.brier == pytest.approx(brier_score_loss(truth[known], cases.score[known]))


def test_the_shares_of_the_alert_are_those_of_the_rows(april: Run) -> None:
    first, live = april.raised("outcomes-changed")[0], april.live
    levels = look(live.as_of, live.outcome, live.known_from, 7.0)
    since = to_micros(datetime.fromisoformat(str(first.evidence["since"])))
    until = first.at - 7 * DAY
    rows = levels[(live.as_of >= since) & (live.as_of <= until)]
    assert first.evidence["since_happened"] == pytest.approx(np.mean(rows == HAPPENED), abs=0.01)
    assert first.evidence["since_open"] == pytest.approx(np.mean(rows == OPEN), abs=0.01)


def test_a_challenger_trained_when_the_change_was_heard_is_nearer_to_what_came(
    incidents: tuple[Workflow, Replayed], april: Run
) -> None:
    """Judged beside the champion on all that was asked later, by the outcomes of the whole log."""
    heard = april.raised("outcomes-changed")[0].at
    challenger = fit(incidents[0], at_cut(*incidents, heard))
    later = april.live.where((april.live.as_of >= heard) & (april.live.known_from != UNKNOWN))
    line = incidents[0].policy.alarm_at
    for model, told in (
        (april.model, {"brier": 0.155, "ece": 0.099, "auc": 0.790}),
        (challenger, {"brier": 0.141, "ece": 0.035, "auc": 0.804}),
    ):
        score = model.predict(later.features)
        cases = Cases.untreated(later.as_of, score, later.outcome, later.known_from)
        found = judge_cases(cases, line, None)
        assert found.matured == 7_395
        assert {name: getattr(found, name) for name in told} == pytest.approx(told, abs=0.001)


def test_a_stationary_control_raises_at_most_one_false_alarm_in_twenty(
    incidents: tuple[Workflow, Replayed],
) -> None:
    """The log's rows shuffled in time, twenty times; every kind of alert counts."""
    workflow, whole = incidents
    rows = in_time(whole.rows)
    raised = []
    for seed in SEEDS:
        control = shuffled(rows, seed)
        found = run(workflow, control, control.known_at(CUT), CUT, END)
        assert len(found.version.windows) == len(found.live) // workflow.watch.window_rows
        raised += [(seed, alert.kind) for alert in found.alerts]
    assert len(raised) <= 1, raised


def test_the_same_control_with_the_fall_put_in_is_heard(
    incidents: tuple[Workflow, Replayed],
) -> None:
    """So that the silence of the control is no deafness: every second breach is made good."""
    workflow, whole = incidents
    control = shuffled(in_time(whole.rows), 0)
    breach = (control.outcome == 1) & (control.as_of >= day(2016, 4, 10))
    good = breach & (np.arange(len(control)) % 2 == 0)
    control.outcome[good] = 0.0
    control.known_from[good] = np.minimum(control.known_from[good], control.as_of[good] + 5 * DAY)
    found = run(workflow, control, control.known_at(CUT), CUT, END)
    first = found.raised("outcomes-changed")[0]
    assert day(2016, 4, 17) < first.at < day(2016, 4, 24)
    assert "2016-04-08" <= str(first.evidence["since"])[:10] <= "2016-04-12"


def per_week(rows: TrainingRows, start: Micros, end: Micros) -> float:
    """How many questions came in a week."""
    return float(np.sum((rows.as_of >= start) & (rows.as_of < end))) / ((end - start) / (7 * DAY))


def test_the_volume_of_the_payment_requests_is_heard_when_the_university_joins() -> None:
    workflow, whole = replayed("payment_requests", "billing_readiness")
    rows = in_time(whole.rows)
    cut = day(2017, 12, 1)
    found = run(workflow, rows, at_cut(workflow, whole, cut), cut, day(2018, 4, 1))
    alerts = {alert.about: alert for alert in found.raised("volume-changed")}
    joined = [about for about in alerts if about >= "2017-12"]
    assert len(joined) == 1
    told = alerts[joined[0]]
    assert "2018-01-15" <= to_datetime(told.at).date().isoformat() <= "2018-02-01"
    assert per_week(rows, day(2018, 2, 1), day(2018, 4, 1)) > 3 * per_week(rows, rows.as_of[0], cut)
    lately = per_week(rows, to_micros(datetime.fromisoformat(f"{joined[0]}T00:00Z")), told.at)
    assert told.evidence["weekly_now"] == pytest.approx(lately)
    assert f"{lately:,.0f} decisions a week over the last four weeks" in told.says
    assert f"{told.evidence['times']:.1f} times as many" in told.says
    assert told.owner == workflow.owner
    assert "whether more of the firm joined" in told.todo
    assert found.raised("labels-in-a-batch") == []
