"""Ask the same questions by stream and by HTTP, and hold the answers against each other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import httpx

from firm.decision import Decision
from firm.envelope import Envelope, seal_envelope
from firm.ids import SubjectId
from firm.time import Micros, to_datetime
from headway.logs import Outgoing

TOLERANCE = 1e-9


def requests(workflow: str, subjects: Iterable[SubjectId], as_of: Micros) -> list[Outgoing]:
    """Requests on the stream for a score of each subject as of an instant."""
    return [
        Outgoing(
            subject.encode(),
            seal_envelope(
                Envelope(
                    id=f"demo-request:{subject}:{as_of}",
                    source="/demo/requests",
                    type="score.requested",
                    time=to_datetime(as_of),
                    subject=subject,
                    data={"workflow": workflow},
                )
            ),
            as_of,
        )
        for subject in subjects
    ]


class HttpScores:
    """Scores over HTTP, one after the other, with how long each took."""

    def __init__(self, url: str, workflow: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10)
        self._path = f"/v1/workflows/{workflow}/score"
        self.milliseconds: list[float] = []

    def mismatches(self, decisions: Sequence[Decision]) -> int:
        """How many of the stream's decisions HTTP answers otherwise, for the same subject as of
        the same instant."""
        return sum(not self._agrees(decision) for decision in decisions)

    def _agrees(self, decision: Decision) -> bool:
        body = {"subject": decision.subject, "as_of": to_datetime(decision.as_of).isoformat()}
        begun = time.perf_counter()
        answer = self._client.post(self._path, json=body)
        self.milliseconds.append((time.perf_counter() - begun) * 1_000)
        if not answer.is_success:
            return False
        said = answer.json()
        return bool(
            abs(said["probability"] - decision.probability) < TOLERANCE
            and said["band"] == decision.band
            and said["features"] == decision.features
            and said["model_version"] == decision.model_version
        )
