"""The live models: what the governance tables say is live is loaded, checked and handed out."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import structlog

from firm.errors import ModelRefused
from firm.ports import Scorer
from firm.store import Promotion, SqlStore
from firm.workflow import Workflow
from training.scorer import FileScorer

log = structlog.get_logger(__name__)


class LiveModels:
    """Looks up the live version at each call and loads it when it has changed (`firm.ports`).

    A version that is refused leaves the one before it in place, and is named in the log.
    """

    def __init__(self, workflows: dict[str, Workflow], store: SqlStore) -> None:
        self._workflows = workflows
        self._store = store
        self._loaded: dict[str, tuple[Promotion, Scorer | None]] = {}

    def live(self, workflow: str) -> Scorer | None:
        """The approved model of a workflow, None while there is none."""
        promotion = self._store.live(workflow)
        if promotion is None:
            return None
        before, scorer = self._loaded.get(workflow, (None, None))
        if before != promotion:
            scorer = self._load(workflow, promotion) or scorer
            self._loaded[workflow] = (promotion, scorer)
        return scorer

    def _load(self, workflow: str, promotion: Promotion) -> Scorer | None:
        try:
            return FileScorer(
                _path(promotion.uri),
                sha256=promotion.sha256,
                size=promotion.size,
                names=self._workflows[workflow].feature_names,
                version=promotion.version,
            )
        except ModelRefused as error:
            log.error("model refused", workflow=workflow, version=promotion.version, why=str(error))
            return None


def _path(uri: str) -> Path:
    parsed = urlparse(uri)
    if parsed.scheme not in {"", "file"}:
        raise ModelRefused(f"a model is loaded from a file; got {uri!r}")
    return Path(url2pathname(parsed.path)) if parsed.scheme else Path(uri)
