"""An outcome that is reported outright counts once, the newest of several, in any order."""

from __future__ import annotations

from itertools import permutations

import pytest

from firm.errors import UnknownDecision
from firm.events import Event
from firm.history import History
from firm.ids import EventId, SubjectId, decision_id
from firm.reported import OutcomeReported, reported
from firm.states import States
from firm.time import DAY
from tests.unit.firm.samples import SAMPLE, START, P, arriving, report, taken, written
from training.replay import replay

SLUG = SAMPLE.slug
FIRST = decision_id(SLUG, EventId("r0"))
OVER_HTTP = decision_id(SLUG, EventId("http:a key"))


def outcome(
    key: str, day: float, came_true: bool, decision: str = FIRST, cause: str | None = None
) -> Event:
    fact = OutcomeReported(workflow=SLUG, decision=decision, came_true=came_true, cause=cause)
    at = START + int(day * DAY)
    return Event(EventId(key), OutcomeReported.type, SubjectId(P), at, "/tests", fact)


def fates(*events: Event) -> list[tuple[str, str]]:
    _, effects = taken(events)
    return [(one.arrival.event.id, one.fate) for one in effects.received]


def test_it_judges_the_decision_that_it_names() -> None:
    _, effects = taken([report("r0", 0), outcome("o", 3, True)])
    (judged,) = effects.judged
    assert (judged.decision, judged.value, judged.known_at) == (FIRST, 1.0, START + 3 * DAY)


def test_the_same_event_counts_once() -> None:
    told = fates(report("r0", 0), outcome("o", 3, True), outcome("o", 3, True))
    assert [fate for _, fate in told] == ["counted", "counted", "duplicate"]


def test_the_newest_counts_in_whatever_order_they_come() -> None:
    told = [report("r0", 0), outcome("o", 3, True), outcome("p", 5, False), outcome("q", 4, True)]
    found = set()
    for order in permutations(told[1:]):
        states, effects = taken([told[0], *order])
        assert effects.judged[-1].value == 0.0
        found.add(tuple(sorted(written(states).items())))
    assert len(found) == 1, "the states do not depend on the order"


def test_it_comes_before_what_later_events_settle() -> None:
    settled = [report("r0", 0, forecast=100), report("r1", 9, forecast=200)]
    _, effects = taken(settled)
    (by_label,) = (one for one in effects.judged if one.decision == FIRST)
    _, effects = taken([*settled, outcome("o", 3, not by_label.value)])
    (judged,) = (one for one in effects.judged if one.decision == FIRST)
    assert judged.value == float(not by_label.value)


def test_a_decision_that_was_asked_for_over_http_is_judged_by_its_cause() -> None:
    _, effects = taken([report("r0", 0), outcome("o", 3, True, OVER_HTTP, "http:a key")])
    assert [one.decision for one in effects.judged] == [OVER_HTTP]


@pytest.mark.parametrize(
    ("decision", "cause"),
    [("nonsense", None), (FIRST, "r1"), (OVER_HTTP, None), (decision_id(SLUG, EventId("x")), "x")],
)
def test_an_unknown_decision_is_refused_with_its_reason(decision: str, cause: str | None) -> None:
    event = outcome("o", 3, True, decision, cause)
    with pytest.raises(UnknownDecision, match="has not taken"):
        reported(SLUG, event, History(), set())
    _, effects = taken([report("r0", 0), event])
    assert effects.received[1].fate == "rejected"
    assert effects.received[1].reason.startswith("unknown-decision")


def test_it_moves_no_time_on_and_changes_no_other_answer() -> None:
    before, _ = taken([report("r0", 0)])
    after, effects = taken([report("r0", 0), outcome("o", 400, True)])
    assert after.watermark == before.watermark
    assert len(effects.decisions) == 1


def test_one_that_comes_long_after_newer_events_is_late_and_counts() -> None:
    told = fates(report("r0", 0), report("r1", 90), outcome("o", 3, True))
    assert told[-1] == ("o", "late")


def test_training_learns_from_it_as_from_any_outcome() -> None:
    (row,) = replay(SAMPLE, arriving(report("r0", 0), outcome("o", 3, True))).outcome.tolist()
    assert row == 1.0
    (other,) = replay(SAMPLE, arriving(report("r0", 0), outcome("o", 3, False))).outcome.tolist()
    assert other == 0.0
    assert States().watermark == 0
