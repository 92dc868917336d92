"""A challenger scores what was decided on live traffic, apart: it reads the features that each
decision kept, from the database, in a process of its own, so that no answer waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from firm.errors import ModelRefused
from firm.ports import Scorer
from firm.standing import Promotion, Standing
from firm.store import ShadowScore, SqlStore
from firm.time import SECOND, Micros
from firm.workflow import Workflow
from headway.alarms import raise_alarm, settle_alarms
from headway.clock import now
from headway.models import Load
from headway.version_alarms import REFUSED, at_work, refused

SETTLE = 2 * SECOND
"""How long after it was taken a decision is read: by then its transaction has been committed."""
MOST_AT_ONCE = 2_000
ACTOR = "registrar"
ABOUT = at_work("challenger", ACTOR)


class Shadow:
    """Follows the decisions of the workflows that have a challenger, whenever `tick` is called.

    It is behind by as much as it is slow; nothing is left out, since decisions are kept.
    """

    def __init__(
        self,
        workflows: Mapping[str, Workflow],
        store: SqlStore,
        standing: Callable[[str], Standing],
        load: Load,
    ) -> None:
        self._workflows = workflows
        self._store = store
        self._standing = standing
        self._load = load
        self._challengers: dict[str, tuple[Promotion, Scorer | None]] = {}
        self._places: dict[str, Micros] = {}

    def tick(self) -> None:
        """Score what was decided since the last time."""
        for slug, workflow in self._workflows.items():
            made = self._standing(slug).challenger
            if made is None:
                self._challengers.pop(slug, None)
            elif (scorer := self._challenger(workflow, made)) is not None:
                self._follow(workflow, made.version, scorer)

    def _challenger(self, workflow: Workflow, made: Promotion) -> Scorer | None:
        slug = workflow.slug
        before, scorer = self._challengers.get(slug, (None, None))
        if before == made:
            return scorer
        self._places[slug] = self._store.shadow_place(slug, made.version) or made.at
        try:
            scorer = self._load(made, workflow)
        except ModelRefused as error:
            scorer = None
            words = f"challenger {made.version} of {slug} is refused: {error}"
            raise_alarm(self._store, ACTOR, refused(workflow, made.version, ABOUT, words))
        else:
            note = f"version {made.version} is loaded"
            settle_alarms(self._store, ACTOR, workflow, REFUSED, ABOUT, note)
        self._challengers[slug] = (made, scorer)
        return scorer

    def _follow(self, workflow: Workflow, version: str, scorer: Scorer) -> None:
        slug, until = workflow.slug, now() - SETTLE
        found = self._store.decided_between(slug, self._places[slug], until)
        taken = list(islice(found, MOST_AT_ONCE))
        rows = [tuple(one.features.get(name) for name in workflow.feature_names) for one in taken]
        scores = [
            ShadowScore(one.id, version, slug, probability, one.decided_at)
            for one, probability in zip(taken, scorer.predict(rows), strict=True)
        ]
        self._store.note_shadows(scores)
        self._places[slug] = taken[-1].decided_at if len(taken) == MOST_AT_ONCE else until
