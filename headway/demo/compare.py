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


def requests(workflow: str, subjects: Iterable[SubjectId], as_of: Micros) -> list[Outgoing]:
    """Requests on the stream for a score of each subject as of an instant."""
    return [
        Outgoing(
            subject.encode(),
            seal_envelope(
                Envelope(
                    id=f"demo-request:{workflow}:{subject}:{as_of}",
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

    def __init__(self, client: httpx.Client, workflow: str) -> None:
        self._client = client
        self._path = f"/v1/workflows/{workflow}/score"
        self.milliseconds: list[float] = []

    def differences(self, decisions: Sequence[Decision]) -> list[str]:
        """The stream's decisions that HTTP answers otherwise, for the same subject as of the same
        instant, and how."""
        return [found for decision in decisions if (found := self._difference(decision))]

    def _difference(self, decision: Decision) -> str:
        body = {"subject": decision.subject, "as_of": to_datetime(decision.as_of).isoformat()}
        begun = time.perf_counter()
        answer = self._client.post(self._path, json=body)
        self.milliseconds.append((time.perf_counter() - begun) * 1_000)
        said = answer.json()
        asked = f"{decision.subject} as of {body['as_of']}"
        if not answer.is_success:
            return f"{asked}: HTTP answered {answer.status_code} {said.get('detail', '')}"
        differing = [
            f"{name} is {theirs} by HTTP, {ours} by stream"
            for name, ours, theirs in (
                ("probability", decision.probability, said["probability"]),
                ("band", decision.band, said["band"]),
                ("model", decision.model_version, said["model_version"]),
                *((n, v, said["features"].get(n)) for n, v in decision.features.items()),
            )
            if ours != theirs
        ]
        return f"{asked}: {'; '.join(differing)}" if differing else ""
