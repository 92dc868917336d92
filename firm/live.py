"""Who decides in a workflow at one moment: read once for a request or a batch, so never mixed."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from firm.ids import SubjectId
from firm.ports import Scorer

BUCKETS = 10_000


class Canary(msgspec.Struct, frozen=True):
    """A version that decides on a share of the subjects, always the same ones."""

    workflow: str
    scorer: Scorer
    share: float

    def takes(self, subject: SubjectId) -> bool:
        """Whether it decides on a subject; a larger share only adds subjects."""
        place = sha256(f"{self.workflow}\x1f{subject}".encode()).digest()[:8]
        return int.from_bytes(place, "big") % BUCKETS < self.share * BUCKETS


class Live(msgspec.Struct, frozen=True):
    """The models of a workflow that decide now.

    Attributes:
        champion: the approved model; None while the declared rule decides.
        because: why the rule decides although a version was approved.
    """

    champion: Scorer | None = None
    because: str = ""
    canary: Canary | None = None
