"""Shows the signed record in the aliases of MLflow's registry, and notices who moves them past it.

Serving never asks MLflow what is live. But people look there, so the aliases have to show what is;
and one that was moved there by hand is a promotion that nobody approved: it decides nothing, and
somebody has to hear of it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from typing import get_args

import httpx
import structlog

from firm.errors import HeadwayError
from firm.promotion import Registration
from firm.standing import Alias, Standing
from firm.store import SqlStore
from firm.workflow import Workflow
from headway.alarms import raise_alarm, settle_alarms
from headway.governance import Governance
from headway.version_alarms import ALIAS_MOVED, alias_moved

GRACE_SECONDS = 5.0
"""Who promotes may move the alias themselves; after so long it is moved for them."""
LOOK_SECONDS = 2.0
ALIGN_SECONDS = 120.0
ACTOR = "registrar"
log = structlog.get_logger(__name__)


class AliasKeeper:
    """Looks at the record and at MLflow, whenever `tick` is called.

    Args:
        pages: the URL of MLflow's pages, which are for reading.
    """

    def __init__(
        self,
        store: SqlStore,
        governance: Governance,
        workflows: Mapping[str, Workflow],
        pages: str,
    ) -> None:
        self._store = store
        self._governance = governance
        self._workflows = workflows
        self._client = httpx.Client(base_url=pages, timeout=5.0)
        self._waiting_since: float | None = None
        self._looked = -LOOK_SECONDS
        self._told: dict[str, str] = {}

    def tick(self) -> None:
        """Move what waits to be moved; otherwise see whether both agree."""
        now = time.monotonic()
        if self._store.unaligned():
            self._waiting_since = now if self._waiting_since is None else self._waiting_since
            if now - self._waiting_since >= GRACE_SECONDS:
                self._waiting_since = None
                _align()
        elif now - self._looked >= LOOK_SECONDS:
            self._waiting_since, self._looked = None, now
            for workflow in self._workflows.values():
                self._look(workflow)

    def look_soon(self) -> None:
        """Somebody says that an alias moved: see whether both agree at the next tick."""
        self._looked = -LOOK_SECONDS

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def _look(self, workflow: Workflow) -> None:
        slug = workflow.slug
        found = self._aliases(slug)
        standing = self._governance.standing(slug)
        if found is None or self._store.unaligned():
            return
        words = "; ".join(
            self._disagreement(workflow, alias, found.get(alias), standing)
            for alias in get_args(Alias)
            if found.get(alias) != _version(standing, alias)
        )
        if self._told.get(slug) != words:
            settle_alarms(self._store, ACTOR, workflow, ALIAS_MOVED, "", "they differ no more so")
            if words:
                raise_alarm(self._store, ACTOR, alias_moved(workflow, words))
        self._told[slug] = words

    def _aliases(self, workflow: str) -> dict[str, str] | None:
        """What MLflow's aliases point at; None while it does not answer."""
        try:
            path = "/api/2.0/mlflow/registered-models/get"
            answer = self._client.get(path, params={"name": workflow})
            if answer.status_code == httpx.codes.NOT_FOUND:
                return {}
            answer.raise_for_status()
            aliases = answer.json()["registered_model"].get("aliases", [])
            return {one["alias"]: str(one["version"]) for one in aliases}
        except (httpx.HTTPError, ValueError, KeyError) as error:
            log.debug("MLflow's pages do not answer", why=repr(error))
            return None

    def _disagreement(
        self, workflow: Workflow, alias: Alias, found: str | None, standing: Standing
    ) -> str:
        approved = _version(standing, alias)
        return (
            f"MLflow's alias {alias} of {workflow.slug} was moved to "
            f"{_in_words(found)} past its approval and is refused: {self._why_not(workflow, found)}"
            f"{_in_words(approved)} is what was approved as {alias}"
        )

    def _why_not(self, workflow: Workflow, version: str | None) -> str:
        if version is None:
            return ""
        try:
            registered: Registration = self._store.registration(workflow.slug, version)[0]
        except HeadwayError:
            return "it was not registered here; "
        if registered.failed:
            return f"it did not pass its gates ({'; '.join(registered.failed)}); "
        if missing := sorted(set(workflow.needed_gates) - registered.gates.keys()):
            return f"nobody has checked its {', '.join(missing)}; "
        return "two people have to agree to it; "


def _version(standing: Standing, alias: Alias) -> str | None:
    made = standing.of(alias)
    return made.version if made else None


def _in_words(version: str | None) -> str:
    return "no version" if version is None else f"version {version}"


def _align() -> None:
    """Move the aliases in a process of its own: importing MLflow takes seconds and much memory."""
    argv = [sys.executable, "-m", "headway", "align"]
    done = subprocess.run(argv, capture_output=True, timeout=ALIGN_SECONDS, check=False)  # noqa: S603 - our own program
    if done.returncode != 0:
        log.warning("the aliases were not moved", why=done.stderr.decode(errors="replace")[-500:])
