"""The live models: what the signed record says is live is loaded beside what decides now, checked,
and then put in its place, between two requests or batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import structlog

from firm.alerts import Alert
from firm.decision import RULE_VERSION
from firm.errors import HeadwayError, ModelRefused, StoreUnavailable
from firm.live import Canary, Live
from firm.ports import Scorer
from firm.promotion import Registration
from firm.standing import Alias, Promotion, Standing, stand
from firm.store import CanaryTally, Served, SqlStore
from firm.time import Micros
from firm.workflow import Workflow
from headway import version_alarms
from headway.alarms import raise_alarm, settle_alarms
from headway.canary import Counted
from headway.clock import now
from headway.loading import loader, to_decide
from headway.settings import Settings
from headway.signing import Verifier

POLL_SECONDS = 0.5
"""How long a notice that was lost can delay a swap."""
MOST_KEPT = 4
"""Models of a workflow that stay loaded: champion, the one before, canary and the one proposed."""
RETRY_SECONDS = 10.0
"""How long until a version that was refused is tried again."""
Approvable = Promotion | Registration
Load = Callable[[Approvable, Workflow], Scorer]
log = structlog.get_logger(__name__)


class LiveModels:
    """Follows the record and hands out the models that decide (`firm.ports.Models`).

    Reading is one look into a dictionary. `start` loads what is live and keeps following in a
    thread of its own. A version that is refused leaves the one before it in place, or the rule
    where there is none yet, and raises an alarm.

    Args:
        worker: the name of this process in `headway models`.
    """

    def __init__(
        self,
        workflows: Mapping[str, Workflow],
        store: SqlStore,
        genuine: Callable[[Approvable, str], bool],
        load: Load,
        worker: str,
    ) -> None:
        self._workflows = workflows
        self._store = store
        self._genuine = genuine
        self._load = load
        self._worker = worker
        self._live: dict[str, Live] = {}
        self._standing: dict[str, Standing] = {}
        self._refused: dict[tuple[str, Alias], tuple[Promotion, str, float]] = {}
        self._settled: set[tuple[str, Alias]] = set()
        self._served: dict[str, tuple[str, str, int]] = {}
        self._kept: dict[str, dict[tuple[str, str], Scorer]] = {}
        self._counted: dict[str, Counted] = {}
        self._tallies: list[CanaryTally] = []
        self._prepared: set[str] = set()
        self._swapped: dict[str, Micros] = {}
        self._seen = -1
        self._listeners: list[Callable[[str], None]] = []
        self._one_at_a_time = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live models", daemon=True)

    def now(self, workflow: str) -> Live:
        """Who decides in a workflow: to be read once for a request or a batch.

        Raises StoreUnavailable while the record has never been read: a rule must not decide
        because nobody knows of the model.
        """
        if self._seen < 0:
            raise StoreUnavailable("the record of promotions could not be read yet; try again")
        return self._current(workflow)

    def live(self, workflow: str) -> Scorer | None:
        """The approved model of a workflow, None while the declared rule decides."""
        return self.now(workflow).champion

    def loaded(self, workflow: str, version: str) -> Scorer | None:
        """The model of a version, if it is still loaded."""
        kept = dict(self._kept.get(workflow, {}))
        return next((scorer for (one, _), scorer in kept.items() if one == version), None)

    def on_change(self, listener: Callable[[str], None]) -> None:
        """Have `listener` called with the workflow after each swap, from the following thread."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Load what is live, and follow from now on; what cannot be read is tried again."""
        self._try()
        self._thread.start()

    def stop(self) -> None:
        """Follow no more."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            self._store.forget_served(self._worker)
        except HeadwayError as error:
            log.warning("could not say that this process ends", why=str(error))

    def refresh(self) -> None:
        """Look at the record, and swap what has changed; returns when it is done."""
        with self._one_at_a_time:
            if self._store.last_move() == self._seen and not self._to_retry():
                return
            moves = self._store.moves()
            for slug, workflow in self._workflows.items():
                standing = stand(slug, [m for m in moves if m.made.workflow == slug], self._genuine)
                self._take(workflow, standing)
            self._seen = max((move.seq for move in moves), default=0)
            self._tell()

    def _follow(self) -> None:
        listener = self._store.listener()
        while not self._stopped.is_set():
            listener.wait(POLL_SECONDS)
            self._try()
        listener.close()

    def _try(self) -> None:
        try:
            self.refresh()
            self._prepare()
            self._tell_tallies()
        except HeadwayError as error:
            log.warning("cannot look at the record of promotions", why=str(error))

    def _prepare(self) -> None:
        """Load what waits for a second person, so that it decides as soon as they agree."""
        with self._one_at_a_time:
            waiting = {one.id: one for one in self._store.proposals()}
            fresh = [one for id_, one in waiting.items() if id_ not in self._prepared]
            self._prepared = set(waiting)
            for asked in fresh:
                if (workflow := self._workflows.get(asked.workflow)) is not None:
                    self._prepare_version(workflow, asked.version)

    def _prepare_version(self, workflow: Workflow, version: str) -> None:
        made, signature = self._store.registration(workflow.slug, version)
        if not self._genuine(made, signature):
            return
        try:
            self._loaded(workflow, made)
        except ModelRefused as error:
            log.warning("what is proposed does not load", version=version, why=str(error))

    def _current(self, slug: str) -> Live:
        return self._live.get(slug, _NOBODY)

    def _take(self, workflow: Workflow, standing: Standing) -> None:
        slug = workflow.slug
        before = self._standing.get(slug, Standing(slug))
        for seq in standing.refused.keys() - before.refused.keys():
            self._alarm(version_alarms.not_approved(workflow, seq, standing.refused[seq]))
        if standing.head < before.head:
            self._alarm(version_alarms.cut_off(workflow, standing.head, before.head))
            return
        self._standing[slug] = standing
        live = self._of(workflow, standing)
        if live != self._current(slug):
            self._live[slug] = live
            self._swapped[slug] = now()
            log.info("model swapped", workflow=slug, version=_version(live), because=live.because)
            for listener in self._listeners:
                listener(slug)

    def _of(self, workflow: Workflow, standing: Standing) -> Live:
        made = standing.champion
        if made is None:
            self._settle(workflow, "champion", "no version is approved any more")
            return Live(because=f"kill switch, {standing.killed}" if standing.killed else "")
        try:
            scorer = self._loaded(workflow, made)
        except ModelRefused as error:
            return self._keep(workflow, made, str(error))
        self._settle(workflow, "champion", f"version {made.version} is loaded and decides")
        return Live(scorer, canary=self._canary(workflow, standing.canary))

    def _canary(self, workflow: Workflow, made: Promotion | None) -> Canary | None:
        if made is None:
            self._counted.pop(workflow.slug, None)
            self._settle(workflow, "canary", "there is no canary any more")
            return None
        counted = self._counted.get(workflow.slug)
        if counted is None or counted.version != made.version:
            try:
                counted = Counted(self._loaded(workflow, made), workflow.canary.slow_ms)
            except ModelRefused as error:
                words = f"canary {made.version} of {workflow.slug} is refused: {error}"
                self._refuse(workflow, "canary", made, words)
                return None
            self._counted[workflow.slug] = counted
        self._settle(workflow, "canary", f"version {made.version} is loaded and decides")
        return Canary(counted, made.share)

    def _loaded(self, workflow: Workflow, made: Approvable) -> Scorer:
        """The model of a promotion; those that were loaded last are kept, so that going back to
        one takes no time."""
        kept = self._kept.setdefault(workflow.slug, {})
        key = (made.version, made.sha256)
        scorer = kept.pop(key, None) or self._load(made, workflow)
        kept[key] = scorer
        while len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]
        return scorer

    def _keep(self, workflow: Workflow, made: Promotion, why: str) -> Live:
        """A version was refused: what was live stays."""
        words = f"version {made.version} of {workflow.slug} is refused: {why}"
        self._refuse(workflow, "champion", made, words)
        champion = self._current(workflow.slug).champion
        return Live(champion, "" if champion else words)

    def _refuse(self, workflow: Workflow, alias: Alias, made: Promotion, words: str) -> None:
        place = (workflow.slug, alias)
        if self._refused.get(place, (None,))[0] != made:
            about = version_alarms.at_work(alias, self._worker)
            self._settled.discard(place)
            self._alarm(version_alarms.refused(workflow, made.version, about, words))
        self._refused[place] = (made, words, time.monotonic() + RETRY_SECONDS)

    def _settle(self, workflow: Workflow, alias: Alias, note: str) -> None:
        """Nothing is refused (any more): say so where this process, or the one before it, had
        raised an alarm."""
        place = (workflow.slug, alias)
        self._refused.pop(place, None)
        if place not in self._settled:
            about = version_alarms.at_work(alias, self._worker)
            settle_alarms(self._store, self._worker, workflow, version_alarms.REFUSED, about, note)
            self._settled.add(place)

    def _to_retry(self) -> bool:
        return any(time.monotonic() >= again for _, _, again in self._refused.values())

    def _tell(self) -> None:
        """Say what this process serves, so that a promotion can be watched arriving."""
        found = {}
        for slug, standing in self._standing.items():
            live = self._current(slug)
            refused = self._refused.get((slug, "champion"))
            found[slug] = (_version(live), refused[1] if refused else live.because, standing.head)
        changed = [
            Served(self._worker, slug, version, because, head, self._swapped.get(slug, now()))
            for slug, (version, because, head) in found.items()
            if self._served.get(slug) != (version, because, head)
        ]
        self._store.note_served(changed)
        self._served = found

    def _tell_tallies(self) -> None:
        """Say how the canaries fare."""
        found = [
            CanaryTally(self._worker, slug, one.version, one.asked, one.failed, one.slow)
            for slug, one in self._counted.items()
        ]
        if found != self._tallies:
            self._store.note_tallies(found)
            self._tallies = found

    def _alarm(self, alarm: Alert) -> None:
        raise_alarm(self._store, self._worker, alarm)


_NOBODY = Live()


def open_models(
    settings: Settings, workflows: Mapping[str, Workflow], store: SqlStore, worker: str
) -> LiveModels:
    """The live models of a process of this copy."""
    verifier, load = Verifier(settings), to_decide(loader(settings.artifacts))
    return LiveModels(workflows, store, verifier.genuine, load, worker)


def _version(live: Live) -> str:
    return live.champion.version if live.champion else RULE_VERSION
