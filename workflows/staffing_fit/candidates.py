"""To which groups a ticket could be given, and the hard rules that leave some of them out."""

from __future__ import annotations

from firm.candidates import Candidates, Filter
from firm.vocabulary import constant, known_count, known_total
from workflows.staffing_fit.fold import solved_by
from workflows.staffing_fit.groups import HELD, named

ACTIVE_DAYS = 14.0
FAMILIAR_DAYS = 90.0
ROOM_WEEKS, ROOM_LEAST = 4.0, 10.0
"""A group has room while its backlog is below what it solved in the last so many weeks, and so
many tickets more."""

solved_lately = known_count(named("solved_by", ("group",)), within_days=7 * ROOM_WEEKS)
CANDIDATES = Candidates(
    text="group",
    pool=HELD.name,
    filters=(
        Filter(
            name="inactive",
            says=f"has neither taken nor solved a ticket in {ACTIVE_DAYS:g} days",
            allows=known_count(HELD.name, within_days=ACTIVE_DAYS),
        ),
        Filter(
            name="unfamiliar",
            says=f"has solved no ticket of this category in {FAMILIAR_DAYS:g} days",
            allows=known_count(
                named("solved_by", ("category", "group")), within_days=FAMILIAR_DAYS
            ),
        ),
        Filter(
            name="no_room",
            says=(
                f"has more open tickets than it solved in {ROOM_WEEKS:g} weeks, "
                f"and {ROOM_LEAST:g} on top"
            ),
            allows=(constant(ROOM_LEAST) + solved_lately - known_total(HELD.name)) > 0,
        ),
    ),
    prefers="low",
    most=10,
    top=5,
    usual=known_count(named("solved_by", ("category", "group"))),
    taken_by=solved_by,
    approval="resource_manager",
)
