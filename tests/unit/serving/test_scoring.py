"""Questions that are asked together are answered as if each had been asked alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from firm.decision import Action, Decision
from firm.errors import ModelRefused, StoreUnavailable, UnknownSubject, WrongSubject
from firm.history import Entry, History, Values
from firm.ids import EventId, SubjectId
from firm.live import Live
from firm.states import GroupState, SubjectState
from firm.time import DAY, Micros
from firm.workflow import Row, Workflow
from serving import scoring as module
from serving.scoring import KeyReused, Question, Scoring, Stale
from workflows.delivery_risk import WORKFLOW

NOW = 20_000 * DAY
Found = tuple[SubjectState | None, Mapping[str, GroupState]]


def state(subject: str, day: int = 19_990) -> SubjectState:
    values: Values = {"forecast": 20_100.0 + len(subject), "start": 19_000.0, "phase": "Design"}
    entry = Entry(day * DAY, EventId("e"), "project.status_reported", values)
    return SubjectState(SubjectId(subject), History([entry]))


class Online:
    """States of `project:1` and so on; `project:bad` is another's, and 0 is unheard of."""

    async def read_all(
        self, workflow: Workflow, asked: Sequence[tuple[SubjectId, Micros]]
    ) -> list[Found | Any]:
        await asyncio.sleep(0)
        return [self._one(subject) for subject, _ in asked]

    def _one(self, subject: SubjectId) -> Found | WrongSubject:
        if subject == "project:bad":
            return WrongSubject("mixed up")
        return None if subject == "project:0" else state(subject), {}


class Model:
    """Scores by the columns; it fails on rows of which the first is `refuses`."""

    version = "3"

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.refuses: float | None = None

    def predict(self, rows: Sequence[Row]) -> list[float]:
        self.calls.append(len(rows))
        if any(row[0] == self.refuses for row in rows):
            raise ModelRefused("not this one")
        return [(row[0] or 0.0) % 97 / 97 for row in rows]


class Models:
    def __init__(self) -> None:
        self.model = Model()

    def now(self, workflow: str) -> Live:
        return Live(self.model)

    def live(self, workflow: str) -> Model:
        return self.model


class Recorder:
    """Keeps decisions; the first of an id counts."""

    def __init__(self) -> None:
        self.kept: dict[str, Decision] = {}
        self.groups: list[int] = []

    async def record_all(
        self, asked: Sequence[tuple[Decision, Sequence[Action]]]
    ) -> list[Decision]:
        self.groups.append(len(asked))
        await asyncio.sleep(0)
        return [self.kept.setdefault(one.id, one) for one, _ in asked]


def scoring(workflow: Workflow = WORKFLOW) -> Any:
    """The use case on fakes."""
    store: Any = None
    return Scoring({workflow.slug: workflow}, store, Online(), Models(), Recorder())


def questions(*subjects: str) -> list[Question]:
    return [Question(SubjectId(s), NOW, f"key {n}") for n, s in enumerate(subjects)]


def ask(asked: Scoring, about: Sequence[Question], now: Micros = NOW) -> list[Any]:
    return asyncio.run(asked.score_all(WORKFLOW.slug, about, now))


def test_each_gets_what_it_would_get_alone_and_the_model_is_called_once_a_slice() -> None:
    about = questions(*(f"project:{10**n}" for n in range(2 * module.AT_ONCE + 3)))
    together, alone = scoring(), scoring()
    found = ask(together, about)
    assert found == [one for q in about for one in ask(alone, [q])]
    assert together.models.model.calls == [module.AT_ONCE, module.AT_ONCE, 3]
    assert together._recorder.groups == [module.AT_ONCE, module.AT_ONCE, 3]


def test_what_is_wrong_with_one_stands_in_its_place_and_the_others_are_answered() -> None:
    about = questions("project:1", "project:bad", "project:0", "project:2")
    first, bad, unheard, last = ask(scoring(), about)
    assert [first.subject, last.subject] == ["project:1", "project:2"]
    assert isinstance(bad, WrongSubject)
    assert isinstance(unheard, UnknownSubject)
    with pytest.raises(UnknownSubject):
        asyncio.run(scoring().score(WORKFLOW.slug, SubjectId("project:0"), NOW, "key", NOW))


def test_a_row_that_the_model_refuses_is_refused_alone() -> None:
    asked = scoring()
    about = questions("project:1", "project:22", "project:333")
    (lone,) = ask(asked, about[1:2])
    asked.models.model.refuses = lone.features[WORKFLOW.feature_names[0]]
    found = ask(asked, [*about[:1], Question(about[1].subject, NOW, "new"), *about[2:]])
    assert [type(one) for one in found] == [Decision, ModelRefused, Decision]


def test_what_a_declaration_trips_over_in_one_row_is_told_to_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def awaits(known: Any) -> list[str]:
        if known.entries[-1].values["forecast"] == 20_100.0 + len("project:22"):
            raise ZeroDivisionError
        return []

    workflow = WORKFLOW.model_copy(update={"awaits": awaits})
    found = ask(scoring(workflow), questions("project:1", "project:22"))
    assert [type(one) for one in found] == [Decision, ZeroDivisionError]


def test_stale_ground_and_a_key_used_before_refuse_their_own_question() -> None:
    slo = WORKFLOW.slo.model_copy(update={"freshness_days": 5, "stale": "refuse"})
    stale = ask(scoring(WORKFLOW.model_copy(update={"slo": slo})), questions("project:1"))
    assert [type(one) for one in stale] == [Stale]
    twice = [Question(SubjectId(f"project:{n}"), NOW, "same") for n in (1, 2)]
    found = ask(scoring(), [*twice, Question(SubjectId("project:1"), NOW, "same")])
    assert [type(one) for one in found] == [Decision, KeyReused, Decision]
    assert found[0] is found[2]


def test_what_concerns_all_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = scoring()

    def away(workflow: str) -> Live:
        raise StoreUnavailable("not read yet")

    monkeypatch.setattr(asked.models, "now", away)
    with pytest.raises(StoreUnavailable):
        ask(asked, questions("project:1", "project:2"))
