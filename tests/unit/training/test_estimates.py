"""At a cut the slow cases are still open: learning from the closed ones alone is wrong, the
declared estimate is right; and nothing that came at the cut or later is ever used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from firm.errors import CannotTrain
from firm.history import Entry
from firm.time import DAY
from tests.unit.training.cases import SLOW, estimate, tickets, workflow
from tests.unit.training.small import START
from training.evaluate import evaluate
from training.lessons import lessons, to_judge_on
from training.replay import Replayed, replay_whole
from training.rows import UNKNOWN

CUT = START + 60 * DAY
NAIVE = workflow()
DECLARED = workflow(label={"estimate": estimate, "least_age_days": 2.5})


@pytest.fixture(scope="module")
def replayed() -> Replayed:
    return replay_whole(NAIVE, tickets())


def test_the_naive_way_is_wrong_and_the_declared_one_right(replayed: Replayed) -> None:
    naive, declared = (evaluate(w, replayed, CUT).quality for w in (NAIVE, DECLARED))
    old = lessons(DECLARED, replayed, CUT).event
    truth = replayed.rows.outcome[np.isin(replayed.rows.event, old)].mean()
    assert truth == pytest.approx(SLOW, abs=0.05)
    assert naive.constant < 0.6 * truth
    assert declared.constant == pytest.approx(truth)
    assert declared.brier < naive.brier
    assert declared.calibration_error < 0.5 * naive.calibration_error


def test_nothing_is_judged_on_an_estimate(replayed: Replayed) -> None:
    judged = replayed.rows.after(CUT).labelled()
    assert evaluate(DECLARED, replayed, CUT).quality.n == len(judged)
    assert set(judged.outcome) == {0.0, 1.0}


def test_a_version_is_judged_on_as_many_slow_cases_as_there_are(replayed: Replayed) -> None:
    """Before it is registered, when the slow ones are still open: on outcomes drawn by their
    chance, where none is known."""
    naive, declared = (to_judge_on(w, replayed, CUT) for w in (NAIVE, DECLARED))
    rows = replayed.rows
    truth = rows.outcome[np.isin(rows.event, declared.event)]
    assert naive.outcome.mean() < 0.6 * truth.mean()
    assert declared.outcome.mean() == pytest.approx(truth.mean(), abs=0.01)
    assert set(declared.outcome) == {0.0, 1.0}
    again = to_judge_on(DECLARED, replayed, CUT)
    np.testing.assert_array_equal(again.outcome, declared.outcome)


def test_an_outcome_that_is_known_is_judged_on_as_it_is(replayed: Replayed) -> None:
    other = workflow(label={"estimate": lambda histories, cut: dict.fromkeys(rows.event, 0.5)})
    rows = replayed.rows
    found = to_judge_on(other, replayed, CUT)
    known = rows.known_at(CUT)
    judged = found.where(np.isin(found.event, known.event))
    np.testing.assert_array_equal(judged.outcome, known.outcome)


def test_what_is_too_young_says_nothing(replayed: Replayed) -> None:
    assert lessons(DECLARED, replayed, CUT).as_of.max() <= CUT - 2.5 * DAY
    assert lessons(NAIVE, replayed, CUT).as_of.max() > CUT - 2.5 * DAY


def test_an_estimate_replaces_an_outcome_that_is_known(replayed: Replayed) -> None:
    first = replayed.rows.event[0]
    other = workflow(label={"estimate": lambda histories, cut: {first: 0.25}})
    found = lessons(other, replayed, CUT)
    assert found.outcome[found.event == first].tolist() == [0.25]
    assert len(found) == len(lessons(NAIVE, replayed, CUT))


def test_an_estimate_sees_only_what_stood_in_the_log_before_the_cut() -> None:
    seen: list[Sequence[Sequence[Entry]]] = []

    def spy(histories: Sequence[Sequence[Entry]], cut: int) -> Mapping[Any, float]:
        seen.append(histories)
        return {}

    whole, until = tickets(), [a for a in tickets() if a.event.occurred_at < CUT]
    spied = workflow(label={"estimate": spy})
    for log in (whole, until):
        lessons(spied, replay_whole(spied, log), CUT)
    assert seen[0] == seen[1]
    assert max(entry.at for entries in seen[0] for entry in entries) < CUT


def test_an_event_that_came_at_the_cut_or_later_is_not_in_the_histories() -> None:
    log = tickets(days=3)
    early, *others = log
    late = replay_whole(NAIVE, [*others, early])
    subject = early.event.subject
    assert late.came[early.event.id] == others[-1].event.occurred_at
    cut = others[-1].event.occurred_at
    histories = {entries[0].event: entries for entries in late.histories(cut)}
    assert early.event.id not in histories
    assert late.subjects[subject].history.entries[0].event == early.event.id


def test_the_same_is_learnt_from_a_log_that_ends_at_the_cut(replayed: Replayed) -> None:
    until = replay_whole(DECLARED, [a for a in tickets() if a.event.occurred_at < CUT])
    one, two = lessons(DECLARED, replayed, CUT), lessons(DECLARED, until, CUT)
    assert one.fingerprint() == two.fingerprint()
    estimated = one.known_from == UNKNOWN
    assert estimated.any()
    assert np.isin(one.outcome[estimated], [1.0]).all()


def test_what_is_no_probability_is_refused(replayed: Replayed) -> None:
    wrong = workflow(label={"estimate": lambda histories, cut: {replayed.rows.event[0]: 1.5}})
    with pytest.raises(CannotTrain, match="it has to give probabilities"):
        lessons(wrong, replayed, CUT)
