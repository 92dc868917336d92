"""Versions that have decided, loaded once more to say why; the signed record says which file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from firm.errors import ModelRefused
from firm.standing import Genuine, Promotion, stand
from firm.store import SqlStore
from firm.workflow import Workflow
from headway.loading import loader
from headway.models import LiveModels
from headway.settings import Settings
from headway.signing import Verifier
from training.scorer import FileScorer

MOST_KEPT = 4
"""Versions that no longer decide and stay loaded, of all workflows together."""


class DecidedVersions:
    """Finds a version in the record of promotions and loads the file that was approved
    (`firm.ports.Versions`). What decides now is loaded already, and is taken from there."""

    def __init__(
        self,
        workflows: Mapping[str, Workflow],
        store: SqlStore,
        genuine: Genuine,
        load: Callable[[Promotion, Workflow], FileScorer],
        live: LiveModels,
    ) -> None:
        self._workflows = workflows
        self._store = store
        self._genuine = genuine
        self._load = load
        self._live = live
        self._kept: dict[tuple[str, str], FileScorer] = {}
        self._one_at_a_time = threading.Lock()

    def version(self, workflow: str, version: str) -> FileScorer:
        """A version that was made champion or canary once.

        Raises:
            ModelRefused: no genuine promotion names it, or its file is not what was approved.
        """
        live = self._live.loaded(workflow, version)
        if isinstance(live, FileScorer):
            return live
        with self._one_at_a_time:
            key = (workflow, version)
            found = self._kept.pop(key, None) or self._loaded(workflow, version)
            self._kept[key] = found
            if len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            return found

    def _loaded(self, workflow: str, version: str) -> FileScorer:
        moves = self._store.moves(workflow)
        refused = stand(workflow, moves, self._genuine).refused
        for move in reversed(moves):
            if move.made.version == version and move.seq not in refused:
                return self._load(move.made, self._workflows[workflow])
        raise ModelRefused(
            f"no signed promotion of {workflow} names version {version}: it was never allowed to "
            "decide, so it cannot say why"
        )


def decided_versions(
    settings: Settings, workflows: Mapping[str, Workflow], store: SqlStore, live: LiveModels
) -> DecidedVersions:
    """The versions of this copy."""
    genuine, load = Verifier(settings).genuine, loader(settings.artifacts)
    return DecidedVersions(workflows, store, genuine, load, live)
