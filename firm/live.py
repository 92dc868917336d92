"""Who decides in a workflow at one moment: read once for a request or a batch, so never mixed."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from firm.decision import Asked, Decision
from firm.errors import HeadwayError
from firm.handlers import score
from firm.ids import SubjectId
from firm.ports import Scorer
from firm.time import Micros
from firm.workflow import Workflow

BUCKETS = 10_000


class Canary(msgspec.Struct, frozen=True):
    """A version that decides on a share of the subjects, always the same ones."""

    scorer: Scorer
    share: float

    def takes(self, workflow: str, subject: SubjectId) -> bool:
        """Whether it decides on a subject; a larger share only adds subjects."""
        place = sha256(f"{workflow}\x1f{subject}".encode()).digest()[:8]
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

    def decide(
        self, workflow: Workflow, asked: Sequence[Asked], decided_at: Micros
    ) -> list[Decision]:
        """One decision for each question, in order; where the canary fails, the champion decides.

        Raises:
            ModelRefused: the champion scored NaN.
        """
        if self.canary is None:
            return score(workflow, asked, self.champion, decided_at, self.because)
        chosen = [self.canary.takes(workflow.slug, one.subject) for one in asked]
        try:
            tried = [one for one, takes in zip(asked, chosen, strict=True) if takes]
            by_canary = iter(score(workflow, tried, self.canary.scorer, decided_at))
        except HeadwayError:
            return score(workflow, asked, self.champion, decided_at, self.because)
        rest = [one for one, takes in zip(asked, chosen, strict=True) if not takes]
        by_champion = iter(score(workflow, rest, self.champion, decided_at, self.because))
        return [next(by_canary if takes else by_champion) for takes in chosen]
