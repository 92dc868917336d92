"""The groups whose past service level looks at: each is a text of a ticket, or several together."""

from __future__ import annotations

from firm.workflow import GroupBy

Key = tuple[str, ...]
GRAIN_HOURS = 6.0
SKILLS: tuple[Key, ...] = (
    ("subcategory",),
    ("symptom",),
    ("subcategory", "symptom"),
    ("location", "subcategory"),
    ("caller",),
    ("opened_by",),
)
"""What a ticket is about and whose it is: by these it is told which group solves such tickets."""
LIKENESS: tuple[Key, ...] = (
    ("group",),
    ("category",),
    ("subcategory",),
    ("symptom",),
    ("location",),
    ("caller",),
    ("opened_by",),
    ("subcategory", "group"),
    ("symptom", "group"),
    ("location", "group"),
    ("subcategory", "symptom"),
    ("subcategory", "symptom", "group"),
    ("caller", "group"),
    ("location", "subcategory"),
)
"""In what tickets are alike: how long those before took, and whether they changed hands."""


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


SLOW = (_everyone("slow"), *_family("slow", LIKENESS))
HOURS = (_everyone("hours"), *_family("hours", LIKENESS))
MOVED = (_everyone("moved"), *_family("moved", LIKENESS))
SOLVED = (_everyone("solved"), *_family("solved", SKILLS))
SOLVED_BY = _family("solved_by", (("group",), *((*key, "group") for key in SKILLS)))
GROUPS = (*SLOW, *HOURS, *MOVED, *SOLVED, *SOLVED_BY)
