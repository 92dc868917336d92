"""Whom staffing fit ranks, and by what they must not be passed over.

The log knows no member of any group. A firm that uses this puts into the vault what most of a
group's members have in common; until then, the attributes can only be simulated.
"""

from __future__ import annotations

from firm.fairness import Fairness, Protected

FAIRNESS = Fairness(
    of="a group of the service desk, with the value that most of its members have",
    attributes=(
        Protected(name="sex", values=("women", "men")),
        Protected(name="age", values=("under 40", "40 or over")),
    ),
    top=3,
)
