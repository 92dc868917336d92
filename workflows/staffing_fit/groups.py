"""The groups whose past staffing fit looks at: each is a text of a ticket, or several together."""

from __future__ import annotations

from firm.workflow import GroupBy

Key = tuple[str, ...]
GRAIN_HOURS = 6.0
"""Half of all reassignments come within two hours: what is known of a day should not wait for the
next one. Days cost .004 in AUC, hours gain .001 and make four times as many buckets."""
SKILLS: tuple[Key, ...] = (
    ("category",),
    ("subcategory",),
    ("symptom",),
    ("subcategory", "symptom"),
    ("location",),
    ("location", "subcategory"),
    ("caller",),
    ("caller", "subcategory"),
    ("opened_by",),
    ("opened_by", "subcategory"),
)
"""What a ticket is about and whose it is: by these it is told which group solves such tickets."""
LIKENESS: tuple[Key, ...] = (
    ("group",),
    ("category",),
    ("subcategory",),
    ("symptom",),
    ("opened_by",),
    ("subcategory", "group"),
    ("symptom", "group"),
    ("subcategory", "symptom"),
    ("subcategory", "symptom", "group"),
    ("state",),
    ("state", "group"),
    ("state", "subcategory"),
    ("state", "symptom"),
    ("state", "opened_by"),
    ("state", "subcategory", "group"),
)
"""In what tickets are alike: how often those before were reassigned."""


def named(family: str, key: Key) -> str:
    """The name of a group of this family."""
    return "_".join((family, *key))


def _family(family: str, keys: tuple[Key, ...]) -> tuple[GroupBy, ...]:
    return tuple(
        GroupBy(name=named(family, key), key=key, counts="observed", grain_hours=GRAIN_HOURS)
        for key in keys
    )


def _everyone(name: str) -> GroupBy:
    return GroupBy(name=name, counts="observed", grain_hours=GRAIN_HOURS)


REASSIGNED = (_everyone("reassigned"), *_family("reassigned", LIKENESS))
SOLVED = (_everyone("solved"), *_family("solved", SKILLS))
SOLVED_BY = _family("solved_by", (("group",), *((*key, "group") for key in SKILLS)))
HELD = GroupBy(name="held", key="group", counts="observed", grain_hours=GRAIN_HOURS)
"""+1 for each ticket that a group takes, -1 for each that it passes on or solves: its backlog."""
GROUPS = (*REASSIGNED, *SOLVED, *SOLVED_BY, HELD)
