"""What a workflow that scores people declares of fairness, and the gate that follows from it.

Which person has which attribute stands in no event, feature or decision: only the job that measures
fairness reads it, from a vault, and only figures of many people leave that job.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Annotated

from pydantic import Field

from firm.declared import Declared, Slug, Words
from firm.errors import GateFailed

FAIRNESS_GATE = "fairness findings"
"""How many findings the fairness job made on a version: a version without the figure was never
looked at, and must not decide where people are scored."""


def require_judged(
    workflow: str, version: str, gates: Mapping[str, float], needed: Iterable[str]
) -> None:
    """Let a version decide only if what its workflow needs was checked of it and nothing was found,
    whenever that was.

    Args:
        gates: the figure of each gate; one that counts findings tells them in its name.

    Raises:
        GateFailed: it was not, or not everything, or something was found.
    """
    wanted = set(needed)
    if found := [name for name, figure in gates.items() if figure and _is_of(name, wanted)]:
        raise GateFailed(
            f"version {version} of {workflow} must not decide: it has {'; '.join(found)}, and it "
            "scores people; train another one, and see docs/fairness.md"
        )
    if missing := sorted(wanted - gates.keys()):
        raise GateFailed(
            f"version {version} of {workflow} must not decide: nobody has checked its "
            f"{', '.join(missing)}, and it scores people; train it again, and see docs/fairness.md"
        )


def _is_of(name: str, wanted: Set[str]) -> bool:
    return name.partition(" (")[0] in wanted


Value = Annotated[str, Field(min_length=1, max_length=60)]


class Protected(Declared):
    """An attribute by which nobody may be passed over, and the values that the vault takes."""

    name: Slug
    values: Annotated[tuple[Value, ...], Field(min_length=2)]

    def inconsistencies(self) -> Iterator[str]:
        """A value that is named twice."""
        if len(set(self.values)) < len(self.values):
            yield f"protected attribute {self.name!r} names a value twice: {list(self.values)}"


class Fairness(Declared):
    """How a workflow that scores people is held to treat them alike (`monitoring.fairness`).

    Attributes:
        of: whom a candidate stands for: a person, or a group and how the group has an attribute.
        top: who is among the first so many of a ranking counts as shown.
        impact_ratio: of a value's rate of being shown to that of the value shown most; below it,
            and beyond chance, is adverse impact.
        proxy_auc: features that tell an attribute better than this, and beyond chance, stand in
            for it.
        level: the chance that one look at a fair version finds anything at all.
    """

    of: Words
    attributes: Annotated[tuple[Protected, ...], Field(min_length=1)]
    top: Annotated[int, Field(ge=1, le=50)]
    impact_ratio: Annotated[float, Field(gt=0, le=1)] = 0.8
    proxy_auc: Annotated[float, Field(ge=0.5, lt=1)] = 0.7
    level: Annotated[float, Field(ge=0.001, le=0.2)] = 0.01

    def inconsistencies(self) -> Iterator[str]:
        """An attribute that is declared twice."""
        names = [one.name for one in self.attributes]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"protected attribute {name!r} is declared twice"
