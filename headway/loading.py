"""From a promotion to a model that can score: only a file in the folder of models is ever read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from firm.errors import GateFailed, ModelRefused
from firm.fairness import require_judged
from firm.promotion import Registration
from firm.standing import Promotion
from firm.workflow import Workflow
from training.safe import load_safely
from training.scorer import FileScorer

Load = Callable[[Promotion | Registration, Workflow], FileScorer]


def loader(artifacts: Path) -> Load:
    """Load what a promotion or a registration names, if it lies in the folder of models."""

    def load(made: Promotion | Registration, workflow: Workflow) -> FileScorer:
        return load_safely(
            _path(made.uri),
            artifacts,
            sha256=made.sha256,
            size=made.size,
            names=workflow.feature_names,
            version=made.version,
        )

    return load


def to_decide(load: Load) -> Load:
    """Load only what had the checks that its workflow needs: a promotion from before its workflow
    declared them was agreed to without."""

    def checked(made: Promotion | Registration, workflow: Workflow) -> FileScorer:
        try:
            require_judged(workflow.slug, made.version, made.gates, workflow.needed_gates)
        except GateFailed as error:
            raise ModelRefused(str(error)) from error
        return load(made, workflow)

    return checked


def _path(uri: str) -> Path:
    parsed = urlparse(uri)
    if parsed.scheme != "file" or parsed.netloc not in {"", "localhost"}:
        raise ModelRefused(f"a model is loaded from a file of this machine; got {uri!r}")
    return Path(url2pathname(parsed.path))
