"""A version as the registry keeps it: what serving needs to load it, free of MLflow."""

from __future__ import annotations

from pathlib import Path

import msgspec

from firm.time import Micros
from firm.workflow import Workflow
from training.scorer import FileScorer


class RegisteredVersion(msgspec.Struct, frozen=True):
    """One registered version of a workflow's model.

    Attributes:
        version: the registry's number, as decisions name it.
        path: the local `model.ubj`.
        sha256, size: of that file, in hex and bytes, as they were when it was registered. Whoever
            approves the version writes them down too: the registry's tags can be edited.
        cut: nothing known at or after this instant went into it, microseconds since 1970.
        trained_by: who may not approve it.
    """

    workflow: str
    version: str
    run: str
    path: Path
    sha256: str
    size: int
    cut: Micros
    gates_passed: bool
    trained_by: str

    def scorer(self, workflow: Workflow) -> FileScorer:
        """Load it to score.

        Raises:
            ModelRefused: the file is not what was registered, or does not fit the declaration.
        """
        return FileScorer(self.path, self.sha256, self.size, workflow.feature_names, self.version)
