"""The evidence of a question says when the newest event of each feature happened."""

from __future__ import annotations

import msgspec

from firm.decision import Decision, Evidence, as_json
from firm.evidence import evidence_of, feature_evidence
from firm.time import DAY
from firm.vocabulary import Expr, events, known_count, series
from firm.workflow import Feature, Workflow
from tests.unit.firm.samples import DECLARATION, START, arriving, booked, report, taken

P = "project:p"
EVENTS = (
    report("r0", 0, P, forecast=100, budget="5"),
    report("r1", 1, P, forecast=200),
    booked("b2", 2, 8, subject=P),
    report("o0", 3.5, "project:other", forecast=100),
    report("o1", 4.5, "project:other", forecast=300),
)


def workflow(**features: Expr) -> Workflow:
    declared = tuple(
        Feature(name=name, of=of, unit="1", why="a test", source="a test")
        for name, of in features.items()
    )
    return Workflow(**{**DECLARATION, "features": declared})


def found(declared: Workflow, day: float) -> Evidence:
    states, _ = taken(EVENTS, declared)
    known = states.known(declared, P, START + int(day * DAY))
    return evidence_of(declared, known, arriving(*EVENTS)[0].position)


def test_a_feature_is_as_fresh_as_the_newest_event_that_it_is_computed_from() -> None:
    declared = workflow(
        hours=series("hours").last(),
        moved=series("forecast").changes().last(),
        budget=series("budget").last(),
        both=series("forecast").last() + series("budget").last(),
        reports=events("project.status_reported").count(),
        alone=events().count(),
        never=series("never").last(),
    )
    evidence = found(declared, 4)
    assert evidence.event_time == START + 2 * DAY
    first, second = START, START + DAY
    assert evidence.apart == {
        "moved": second,
        "budget": first,
        "both": second,
        "reports": second,
        "never": None,
    }


def test_what_is_counted_by_group_is_as_fresh_as_its_newest_bucket() -> None:
    declared = workflow(known=known_count("all"))
    assert found(declared, 2).apart == {"known": START // DAY * DAY + DAY}
    assert found(declared, 5.9).apart == {"known": START // DAY * DAY + 4 * DAY}


def test_each_value_is_told_with_its_age_and_whether_that_is_too_old() -> None:
    declared = workflow(hours=series("hours").last(), budget=series("budget").last())
    decision = Decision(
        **dict.fromkeys(Decision.__struct_fields__)
        | {
            "as_of": START + 101 * DAY,
            "evidence": found(declared, 101),
            "features": {"hours": 8.0, "budget": 5.0},
        }
    )
    hours, budget = feature_evidence(declared, decision)
    assert (hours.age_days, hours.stale) == (99, False)
    assert (budget.age_days, budget.stale) == (101, True), "100 days are declared"


def test_evidence_without_anything_apart_has_the_bytes_that_it_always_had() -> None:
    said = as_json(Evidence(None, 1))
    assert said == b'{"position":null,"event_time":1}'
    assert msgspec.json.decode(said, type=Evidence) == Evidence(None, 1)
