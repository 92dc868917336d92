"""The process that looks after versions. It decides nothing, and nothing that scores needs it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

import structlog

from firm.errors import HeadwayError
from firm.standing import Standing
from firm.store import SqlStore
from headway.aliases import AliasKeeper
from headway.canary import CanaryGuard
from headway.catalogue import declared
from headway.governance import Governance
from headway.loading import loader
from headway.parts.together import told_to_end
from headway.settings import Settings
from headway.shadow import Shadow

TICK_SECONDS = 1.0
NICENESS = 10
"""What scores comes first."""
log = structlog.get_logger(__name__)


def run(settings: Settings, pages: str) -> None:
    """Run until SIGTERM or SIGINT."""
    os.nice(NICENESS)
    look_after(settings, pages, told_to_end())


def look_after(settings: Settings, pages: str, told: threading.Event) -> None:
    """Look after aliases, challengers and canaries until told to end; `pages` is MLflow's URL."""
    store = SqlStore(settings.database or "", settings.audit_key())
    workflows, governance = declared(), Governance(settings, store)
    keeper = AliasKeeper(store, governance, workflows, pages)
    standings = Standings(store, governance)
    shadow = Shadow(workflows, store, standings.of, loader(settings.artifacts))
    guard = CanaryGuard(workflows, store, governance, standings.of)
    log.info("registrar is up")
    listener = store.listener()
    while not told.is_set():
        if listener.wait(TICK_SECONDS):
            keeper.look_soon()
        _tick([keeper.tick, standings.tick, shadow.tick, guard.tick])
    listener.close()
    keeper.close()
    store.close()


class Standings:
    """What is live in each workflow, read again only when the record has grown."""

    def __init__(self, store: SqlStore, governance: Governance) -> None:
        self._store = store
        self._governance = governance
        self._found: dict[str, Standing] = {}
        self._seen = 0

    def tick(self) -> None:
        """Forget what was read, if there is more."""
        if (last := self._store.last_move()) != self._seen:
            self._found.clear()
            self._seen = last

    def of(self, workflow: str) -> Standing:
        """What is live in a workflow."""
        if workflow not in self._found:
            self._found[workflow] = self._governance.standing(workflow)
        return self._found[workflow]


def _tick(ticks: Sequence[Callable[[], None]]) -> None:
    for tick in ticks:
        try:
            tick()
        except HeadwayError as error:
            log.warning("will try again", what=tick.__qualname__, why=str(error))
