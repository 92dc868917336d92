"""Who decides: the champion, on some subjects the canary, and the rule where there is neither."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from firm.decision import RULE_VERSION
from firm.errors import ModelRefused
from firm.ids import SubjectId
from firm.live import Canary, Live
from firm.react import react
from firm.states import States
from firm.workflow import Row
from tests.unit.firm.samples import NOW, SAMPLE, arriving, report

SUBJECTS = [SubjectId(f"project:{n}") for n in range(2_000)]


class Fixed:
    """Scores the same always; or fails."""

    def __init__(self, version: str, score: float | None) -> None:
        self.version = version
        self._score = score

    def predict(self, rows: Sequence[Row]) -> list[float]:
        if self._score is None:
            raise ModelRefused("broken")
        return [self._score] * len(rows)


SLIPPING = [report("a", 1, forecast=0), report("b", 2, forecast=100)]
CHAMPION = Fixed("1", 0.1)


def versions(live: Live) -> set[str]:
    events = arriving(*SLIPPING)
    return {d.model_version for d in react(SAMPLE, events, States(), live, NOW).decisions}


def test_a_canary_decides_on_its_share_of_the_subjects_and_always_the_same() -> None:
    canary = Canary(CHAMPION, 0.1)
    chosen = {one for one in SUBJECTS if canary.takes("flow", one)}
    assert len(chosen) == pytest.approx(200, abs=50)
    assert chosen == {one for one in SUBJECTS if canary.takes("flow", one)}
    assert chosen < {one for one in SUBJECTS if Canary(CHAMPION, 0.3).takes("flow", one)}
    assert chosen != {one for one in SUBJECTS if canary.takes("another", one)}


def test_decisions_name_who_took_them_and_keep_their_order() -> None:
    everyone = Live(CHAMPION, canary=Canary(Fixed("2", 0.2), 1.0))
    assert versions(everyone) == {"2"}
    assert versions(Live(CHAMPION, canary=Canary(Fixed("2", 0.2), 0.0))) == {"1"}
    events = arriving(*SLIPPING)
    mixed = react(SAMPLE, events, States(), everyone, NOW).decisions
    plain = react(SAMPLE, events, States(), CHAMPION, NOW).decisions
    assert [d.id for d in mixed] == [d.id for d in plain]


def test_where_the_canary_fails_the_champion_decides() -> None:
    assert versions(Live(CHAMPION, canary=Canary(Fixed("2", None), 1.0))) == {"1"}


def test_the_rule_says_why_it_decides() -> None:
    events = arriving(*SLIPPING)
    decided = react(SAMPLE, events, States(), Live(because="kill switch"), NOW).decisions
    assert {(d.model_version, d.rule_because) for d in decided} == {(RULE_VERSION, "kill switch")}
