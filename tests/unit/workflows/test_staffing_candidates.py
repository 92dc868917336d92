"""To which groups a ticket could be given: who has it, who has room, who is left out and why."""

from __future__ import annotations

import pytest

from firm.events import Event
from firm.ranking import Considered, consider
from firm.time import DAY
from tests.unit.firm.samples import taken
from tests.unit.workflows.tickets import START, changed, entries
from workflows.staffing_fit import WORKFLOW
from workflows.staffing_fit.fold import solved_by


def solved(name: str, group: str, day: float, category: str = "C") -> list[Event]:
    """A ticket that a group takes and solves a day later."""
    return [
        changed(f"{name}.0", day, "New", name, group=group, category=category),
        changed(f"{name}.1", day + 1, "Resolved", name, group=group, category=category),
    ]


def held(*events: Event) -> list[tuple[str | None, float, float]]:
    """(group, days after START, value) of what a ticket tells of who has it."""
    told = WORKFLOW.observations(entries(WORKFLOW, *events), {})
    return [(o.key, (o.at - START) / DAY, o.value) for o in told if o.group == "held"]


def considered(*before: Event, day: float) -> Considered:
    asked = changed("asked", day, "New", "asked", group="A", category="C")
    states, _ = taken([*before, asked], WORKFLOW)
    known = states.known(WORKFLOW, asked.subject, asked.occurred_at)
    return consider(WORKFLOW, known, states.groups, states.keys("held"))


def test_a_group_has_a_ticket_from_taking_it_until_it_passes_it_on_or_solves_it() -> None:
    events = [
        changed("a", 0, "New", group=None),
        changed("b", 1, "New", group="A"),
        changed("c", 2, "Active", group="B", reassignments=1),
        changed("d", 3, "Awaiting Vendor", group="B", reassignments=1),
        changed("e", 4, "Resolved", group="B", reassignments=1),
        changed("f", 5, "Active", group="B", reassignments=1),
    ]
    assert held(*events) == [("A", 1, 1), ("A", 2, -1), ("B", 2, 1), ("B", 4, -1), ("B", 5, 1)]
    assert held(*events[:1]) == [], "nobody's ticket is no candidate's"


@pytest.mark.parametrize(("group", "right"), [("B", "B"), (None, None)])
def test_the_group_that_solved_a_ticket_turned_out_to_be_right(
    group: str | None, right: str | None
) -> None:
    events = [changed("a", 0, "New", group="A"), changed("b", 1, "Closed", group=group)]
    assert solved_by(entries(WORKFLOW, *events)) == right
    assert solved_by(entries(WORKFLOW, *events[:1])) is None


def test_groups_are_left_out_that_are_inactive_unfamiliar_or_full() -> None:
    found = considered(
        *solved("1", "A", 0),
        *solved("2", "A", 20),
        *solved("3", "B", 0),
        *solved("4", "D", 20, category="another"),
        *solved("5", "E", 20),
        *(changed(f"6.{n}", 20, "New", f"6.{n}", group="E", category="C") for n in range(11)),
        day=30,
    )
    assert [one.key for one in found.admitted] == ["A"]
    assert {one.filter: one.candidates for one in found.excluded} == {
        "inactive": ("B",),
        "unfamiliar": ("D",),
        "no_room": ("E",),
    }


def test_a_group_with_as_many_open_tickets_as_it_may_have_has_room() -> None:
    tickets = (changed(f"6.{n}", 20, "New", f"6.{n}", group="E", category="C") for n in range(10))
    found = considered(*solved("5", "E", 20), *tickets, day=30)
    assert [one.key for one in found.admitted] == ["E"]
