"""Rows of the replay are those of the stream, and hold nothing from after the cut."""

from collections.abc import Sequence
from datetime import date

import msgspec
import numpy as np
import pytest

from firm.decision import Decision
from firm.events import ScoreRequested
from firm.ids import DecisionId, EventId
from firm.react import Arrival, react
from firm.states import States
from firm.time import DAY
from tests.unit.training.small import MONTH, START, WORKFLOW, in_order, log, report
from training.replay import Mismatch, mismatches, replay
from training.rows import UNKNOWN, TrainingRows

CUT = START + 4 * MONTH


def streamed(arrivals: Sequence[Arrival], batch: int) -> list[Decision]:
    states, decisions = States(), []
    for start in range(0, len(arrivals), batch):
        part = arrivals[start : start + batch]
        decisions += react(WORKFLOW, part, states, None, decided_at=0).decisions
    return decisions


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_rows_are_those_that_the_stream_decided_on(rows: TrainingRows, batch: int) -> None:
    decisions = streamed(log(), batch)
    assert len(decisions) == len(rows)
    assert mismatches(rows, decisions) == []


def test_a_second_replay_has_the_same_fingerprint(rows: TrainingRows) -> None:
    assert replay(WORKFLOW, log()).fingerprint() == rows.fingerprint()


def test_repeated_events_change_nothing(rows: TrainingRows) -> None:
    arrivals = log()
    assert replay(WORKFLOW, [*arrivals, *arrivals]).fingerprint() == rows.fingerprint()


def test_another_log_has_another_fingerprint(rows: TrainingRows) -> None:
    assert replay(WORKFLOW, log(seed=2)).fingerprint().sha256 != rows.fingerprint().sha256


def test_the_fingerprint_says_which_records_asked(rows: TrainingRows) -> None:
    fingerprint = rows.where(rows.offset >= 10).fingerprint()
    assert (fingerprint.rows, fingerprint.spans) == (310, ((0, 10, 319),))


def test_a_feature_that_differs_is_named(rows: TrainingRows) -> None:
    decision = streamed(log()[:1], 1)[0]
    wrong = msgspec.structs.replace(decision, features={**decision.features, "reports": 2.0})
    assert mismatches(rows, [wrong]) == [Mismatch(decision.id, ("reports",))]


def test_a_feature_that_one_side_lacks_is_named(rows: TrainingRows) -> None:
    decision = streamed(log()[:1], 1)[0]
    features = {name: v for name, v in decision.features.items() if name != "moved"}
    assert decision.features["moved"] is None
    wrong = msgspec.structs.replace(decision, features=features)
    assert mismatches(rows, [wrong]) == [Mismatch(decision.id, ("moved",))]


def test_a_decision_that_the_log_does_not_explain_is_named(rows: TrainingRows) -> None:
    decision = streamed(log()[:1], 1)[0]
    strange = msgspec.structs.replace(decision, id=DecisionId("nobody"))
    assert mismatches(rows, [strange]) == [Mismatch(DecisionId("nobody"), ())]
    assert mismatches(rows, [msgspec.structs.replace(strange, origin="http")]) == []


def test_no_label_that_was_known_at_the_cut_or_later_is_learnt_from(rows: TrainingRows) -> None:
    known = rows.known_at(CUT)
    assert 0 < len(known) < (rows.as_of < CUT).sum()
    assert (known.as_of < CUT).all()
    assert (known.known_from < CUT).all()
    assert not np.isnan(known.outcome).any()


def test_an_outcome_known_exactly_at_the_cut_is_not_learnt_from(rows: TrainingRows) -> None:
    cut = int(rows.labelled().known_from[0])
    assert cut not in rows.known_at(cut).known_from
    assert cut in rows.known_at(cut + 1).known_from


def test_rows_known_at_the_cut_are_those_of_the_log_up_to_the_cut(rows: TrainingRows) -> None:
    until = replay(WORKFLOW, [a for a in log() if a.event.occurred_at < CUT])
    assert until.labelled().fingerprint() == rows.known_at(CUT).fingerprint()


def test_what_a_late_event_tells_counts_as_known_when_it_came() -> None:
    first = report(1, 0, date(2024, 1, 1), 1000)
    second = report(1, 1, date(2024, 6, 1), 1000)
    other = report(2, 6, date(2024, 1, 1), 1000)
    rows = replay(WORKFLOW, in_order([first, other, second]))
    assert rows.event[0] == first.id
    assert rows.known_from[0] == other.occurred_at > second.occurred_at
    assert len(rows.known_at(other.occurred_at)) == 0


def test_a_later_revision_replaces_the_outcome() -> None:
    first = report(1, 0, date(2024, 1, 1), 1000)
    second = report(1, 2, date(2024, 6, 1), 1000)
    between = report(1, 1, date(2024, 1, 2), 1000)
    rows = replay(WORKFLOW, in_order([first, second, between]))
    assert rows.outcome[rows.event == first.id].tolist() == [0.0]
    assert rows.known_from[rows.event == first.id].tolist() == [second.occurred_at]


def test_an_outcome_that_is_taken_back_is_unknown_again() -> None:
    first = report(1, 0, date(2024, 1, 1), 1000)
    second = report(1, 2, date(2024, 6, 1), 1000)
    blank = report(1, 1, date(2024, 1, 2), 1000)
    blank = msgspec.structs.replace(
        blank, fact=blank.fact.model_copy(update={"forecast_completion": None})
    )
    rows = replay(WORKFLOW, in_order([first, second, blank]))
    assert np.isnan(rows.outcome).all()
    assert (rows.known_from == UNKNOWN).all()


def test_rows_after_the_cut_have_what_was_asked_at_it_or_later(rows: TrainingRows) -> None:
    cut = int(rows.as_of[100])
    assert (rows.after(cut).as_of >= cut).all()
    assert len(rows.after(cut)) + (rows.as_of < cut).sum() == len(rows)


def test_requests_on_the_stream_are_rows_and_those_of_other_workflows_are_not() -> None:
    told = report(1, 0, date(2024, 1, 1), 1000)
    asked = [
        msgspec.structs.replace(
            told,
            id=EventId(slug),
            type=ScoreRequested.type,
            occurred_at=told.occurred_at + DAY,
            fact=ScoreRequested(workflow=slug),
        )
        for slug in ("small_risk", "other_risk")
    ]
    rows = replay(WORKFLOW, in_order([told, *asked]))
    assert rows.event.tolist() == [told.id, "small_risk"]
    assert np.isnan(rows.outcome).all()


def test_an_empty_log_gives_no_rows() -> None:
    rows = replay(WORKFLOW, [])
    assert len(rows) == 0
    assert rows.features.shape == (0, 4)
    assert rows.fingerprint().spans == ()
