"""Tickets with a known truth: slow ones are known late, so a cut sees a biased sample of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from firm.events import Event, Fact
from firm.history import Entry, Outcome, Values
from firm.ids import EventId, SubjectId
from firm.react import Arrival
from firm.time import DAY, Micros
from firm.vocabulary import known_rate, series
from firm.workflow import Workflow
from tests.unit.training.small import START, WORKFLOW, feature, in_order

QUICK_DAYS, SLOW_DAYS = 1.0, 40.0
SLOW = 0.3
"""Share of the tickets that are slow; exactly these come true."""


class Moved(Fact):
    """A ticket is opened, passed on or closed; the field `says` is free for what is planted."""

    type: ClassVar[str] = "test.moved"
    subject_kind: ClassVar[str] = "ticket"

    state: str
    level: float
    group: str | None = None
    says: Any = None


def fold(event: Event) -> Values:
    assert isinstance(event.fact, Moved)
    fact = event.fact
    return {"state": fact.state, "level": fact.level, "group": fact.group, "says": fact.says}


def settle(entries: Sequence[Entry]) -> Mapping[EventId, Outcome]:
    """Whether it took longer than half the slow ones' time, known once it is closed."""
    first, last = entries[0], entries[-1]
    if last.values["state"] != "closed":
        return {}
    slow = last.at - first.at > SLOW_DAYS / 2 * DAY
    return {first.event: Outcome(float(slow), last.at)}


def estimate(histories: Sequence[Sequence[Entry]], cut: Micros) -> Mapping[EventId, float]:
    """What is still open after two quick times is slow."""
    return {
        entries[0].event: 1.0
        for entries in histories
        if entries[-1].values["state"] != "closed" and cut - entries[0].at > 2 * QUICK_DAYS * DAY
    }


def workflow(**changed: Any) -> Workflow:
    """The tickets' workflow, but for what is changed; only the opening asks."""
    label = WORKFLOW.label.model_copy(update={"settle": settle, **changed.pop("label", {})})
    fields: dict[str, Any] = {name: getattr(WORKFLOW, name) for name in Workflow.model_fields}
    fields |= {
        "slug": "small_tickets",
        "subject": "ticket",
        "facts": (Moved,),
        "triggers": (Moved,),
        "fold": fold,
        "features": (
            feature("level", series("level").last()),
            feature("rate", known_rate("all", strength=5, prior="all")),
        ),
        "label": label,
        "step": lambda entry: str(entry.values["state"]),
        **changed,
    }
    return Workflow(**fields)


def tickets(days: int = 120, daily: int = 10, seed: int = 1) -> list[Arrival]:
    """So many a day are opened; nine of ten slow ones have a level above .5, a tenth of others."""
    luck = random.Random(seed)  # noqa: S311 - a log is no secret
    found = []
    for number in range(days * daily):
        opened = START + int(number / daily * DAY)
        slow = luck.random() < SLOW
        level = luck.random() / 2 + 0.5 * (luck.random() < (0.9 if slow else 0.1))
        took = int((SLOW_DAYS if slow else QUICK_DAYS) * DAY)
        found += [
            moved(number, "open", opened, level=level),
            moved(number, "closed", opened + took, level=level),
        ]
    return in_order(sorted(found, key=lambda e: (e.occurred_at, e.id)))


def moved(number: int, state: str, at: Micros, level: float = 0.0, **said: Any) -> Event:
    return Event(
        id=EventId(f"{number:06d}-{state}"),
        type=Moved.type,
        subject=SubjectId(f"ticket:{number}"),
        occurred_at=at,
        source="test",
        fact=Moved(state=state, level=level, **said),
    )
