"""Delivery risk: what is folded, when a report is judged, and the real log replayed."""

from __future__ import annotations

import csv
import gzip
import itertools
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import data
from firm.canonical import Canonicaliser
from firm.events import Event, StatusReported
from firm.mapping import read_mapping
from firm.money import Money
from firm.react import Effects, react
from firm.states import States
from firm.time import DAY
from tests.unit.firm.samples import NOW, P, arriving, booked, report, taken, written
from workflows.delivery_risk import WORKFLOW
from workflows.delivery_risk.fold import SLIP_DAYS, STRETCHES, fold

FOLDER = Path(data.__file__).parent / "capital_projects"
FIRST_DAY = (date(2020, 1, 1) - date(1970, 1, 1)).days


def features(*events: Event, after: float = 0) -> dict[str, float | None]:
    """The features as of so many days after the last event."""
    states, _ = taken(events, WORKFLOW)
    as_of = max(event.occurred_at for event in events) + int(after * DAY)
    row = WORKFLOW.row(states.known(WORKFLOW, P, as_of))
    return dict(zip(WORKFLOW.feature_names, row, strict=True))


def outcomes(*events: Event) -> dict[str, float | None]:
    _, effects = taken(events, WORKFLOW)
    return {judged.event: judged.value for judged in effects.judged}


def test_a_report_is_folded_to_days_amounts_and_texts() -> None:
    said = report("a", 0.5, forecast=100, budget=5, phase="Design", owner="DEP")
    values = fold(said)
    assert {key: values[key] for key in ("forecast", "start", "budget", "phase", "owner")} == {
        "forecast": FIRST_DAY + 100.0,
        "start": None,
        "budget": 5.0,
        "phase": "Design",
        "owner": "DEP",
    }
    assert WORKFLOW.group("owner_phase").id_of(values) == "owner_phase:DEP|Design"


def test_only_status_reports_are_folded() -> None:
    assert not WORKFLOW.folds(booked("b", 1, 1))


def test_a_budget_in_another_currency_is_rejected_and_nothing_is_kept_of_it() -> None:
    euros = Money(amount=Decimal(5), currency="EUR")
    states, effects = taken([report("a", 0, budget_forecast=euros)], WORKFLOW)
    (received,) = effects.received
    assert received.fate == "rejected"
    assert received.reason == "wrong-unit: budget_forecast is kept in USD; got 5 EUR"
    assert states.subjects == {}


@pytest.mark.parametrize(
    ("forecast", "stretch"),
    [(None, -1), (-5, 0), (STRETCHES[0], 0), (STRETCHES[0] + 1, 1), (5_000, len(STRETCHES))],
)
def test_the_way_to_completion_has_stretches(forecast: float | None, stretch: int) -> None:
    said = report("a", 0, phase="Design", forecast=forecast)
    assert fold(said)["stretch"] == str(stretch)


@pytest.mark.parametrize(
    ("moved", "value"), [(SLIP_DAYS, 0), (SLIP_DAYS + 1, 1), (0, 0), (-500, 0)]
)
def test_a_report_is_judged_by_the_next_one(moved: float, value: float) -> None:
    assert outcomes(report("a", 0, forecast=100), report("b", 90, forecast=100 + moved)) == {
        "a": value
    }


def test_without_both_forecasts_there_is_no_outcome() -> None:
    assert outcomes(report("a", 0), report("b", 90, forecast=100)) == {}
    assert outcomes(report("a", 0, forecast=100), report("b", 90)) == {}


def test_features_on_an_example_computed_by_hand() -> None:
    found = features(
        report("a", 0, forecast=300, phase="Design", owner="DEP", design_start=date(2019, 12, 2)),
        report("b", 100, forecast=400, phase="Design", owner="DEP", design_start=date(2019, 12, 2)),
        report(
            "c",
            200,
            forecast=390,
            phase="Construction",
            owner="DEP",
            budget=1000,
            design_start=date(2019, 12, 2),
        ),
        after=10,
    )
    assert found["to_go"] == 180
    assert found["age"] == 240
    assert found["duration"] == 420
    assert found["elapsed"] == pytest.approx(240 / 420)
    assert found["last_move"] == -10
    assert found["recent_moves"] == pytest.approx((-10 + 100 / 2) / 1.5)
    assert found["slip_rate"] == pytest.approx((1 + 1.5) / (2 + 4))
    assert found["slip_ratio"] == pytest.approx(90 / (420 - 90))
    assert found["since_move"] == 10
    assert found["budget"] == pytest.approx(6.9087547793)
    assert found["in_phase"] == 10
    assert found["phase"] == 3
    assert found["owner_against_portfolio"] == 0, "the only owner is the portfolio"


def test_an_owner_is_compared_with_the_portfolio() -> None:
    found = features(
        report("x", 0, "project:2", forecast=300, owner="DOT"),
        report("y", 50, "project:2", forecast=300, owner="DOT"),
        report("a", 0, forecast=300, owner="DEP"),
        report("b", 100, forecast=400, owner="DEP"),
        after=365,
    )
    slipped, kept, prior = 0.5, 0.5 ** (415 / 365), (1 + 5) / (2 + 10)
    owner = (slipped + 10 * prior) / (slipped + 10)
    portfolio = (slipped + 10 * prior) / (slipped + kept + 10)
    assert found["owner_against_portfolio"] == pytest.approx(owner - portfolio)
    assert owner > portfolio


def test_a_first_report_has_what_it_says_and_nothing_of_habits() -> None:
    found = features(report("a", 0, phase="Design"))
    assert found["phase"] == 1
    assert found["slip_rate"] == 1.5 / 4
    missing = {name for name, value in found.items() if value is None}
    assert missing >= {"to_go", "age", "last_move", "since_move", "budget", "slip_ratio"}


def test_the_rule_looks_at_the_last_move() -> None:
    _, effects = taken(
        [
            report("a", 0, forecast=0),
            report("b", 90, forecast=100),
            report("c", 180, forecast=100),
        ],
        WORKFLOW,
    )
    assert [d.probability for d in effects.decisions] == [0.0, 0.5, 0.0]


@pytest.fixture(scope="module")
def log() -> list[Event]:
    mapping = read_mapping(FOLDER / "mapping.toml")
    canonicaliser = Canonicaliser([StatusReported], [mapping])
    with gzip.open(FOLDER / "status_reports.csv.gz", "rt", encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    events = [canonicaliser.from_record(mapping, mapping.event[0], r, NOW) for r in records]
    return sorted(events, key=lambda event: (event.occurred_at, event.id))


@pytest.fixture(scope="module")
def replayed(log: list[Event]) -> tuple[States, Effects]:
    return taken(log, WORKFLOW)


def test_the_real_log_has_one_decision_for_each_report(
    log: list[Event], replayed: tuple[States, Effects]
) -> None:
    _, effects = replayed
    assert len(effects.received) == len(effects.decisions) == 2259
    assert {received.fate for received in effects.received} == {"counted"}
    assert [decision.cause for decision in effects.decisions] == [event.id for event in log]


def test_of_the_real_reports_1766_are_judged_and_376_in_a_thousand_slip(
    replayed: tuple[States, Effects],
) -> None:
    values = [judged.value for judged in replayed[1].judged]
    assert len(values) == 1766
    assert None not in values
    assert round(sum(value or 0 for value in values) / len(values), 3) == 0.376


def test_every_real_outcome_is_counted_once_in_each_of_its_groups(
    replayed: tuple[States, Effects],
) -> None:
    states, _ = replayed
    known = {name: group.known.before(NOW).known for name, group in states.groups.items()}
    assert known["all"] == 1766
    for kind in ("owner", "owner_phase", "phase_to_go"):
        assert sum(n for name, n in known.items() if name.startswith(f"{kind}:")) == 1766


def test_the_real_log_backwards_and_twice_gives_the_same_states(
    log: list[Event], replayed: tuple[States, Effects]
) -> None:
    states, _ = taken([*reversed(log), *log], WORKFLOW)
    assert written(states) == written(replayed[0])


def test_the_real_log_in_batches_gives_the_same_decisions(
    log: list[Event], replayed: tuple[States, Effects]
) -> None:
    states, decisions = States(), []
    arrivals = iter(arriving(*log))
    while batch := list(itertools.islice(arrivals, 100)):
        decisions += react(WORKFLOW, batch, states, None, NOW).decisions
    assert decisions == replayed[1].decisions


def test_the_real_states_asked_as_of_any_day_are_the_decisions_of_that_day(
    replayed: tuple[States, Effects],
) -> None:
    states, effects = replayed
    for decision in effects.decisions[:: len(effects.decisions) // 200]:
        known = states.known(WORKFLOW, decision.subject, decision.as_of)
        assert WORKFLOW.row(known) == tuple(decision.features.values())
