"""The states as requests read them: one round trip for a subject with its groups, and each state
decoded once for as long as its bytes are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from features import names
from features.online import check_name, state_bytes
from features.pipe import RedisPipe
from features.recent import Recent
from features.scripts import READ
from features.views import Views
from firm.ids import SubjectId
from firm.states import (
    GroupState,
    SubjectState,
    decode_group,
    decode_subject,
    membership_of,
)
from firm.time import Micros
from firm.workflow import Workflow

KEPT = 4_096
"""So many states of subjects, and of groups, stay decoded: some tens of megabytes at most."""
_Found = tuple[SubjectState | None, Mapping[str, GroupState]]


class LiveStates:
    """Reads the online store within one event loop (implements `firm.ports.LiveStates`).

    What a workflow's keys and fields are is resolved here once. Which groups a subject belongs to
    is only known from its state: those it had the last time are asked for with it, and only what
    is still missing then costs a second round trip.

    Reading raises OnlineStoreUnavailable if Redis is away, WrongSubject if what is kept under a
    key is another's, and UnreadableValue if it is nothing that we have written.
    """

    def __init__(
        self, url: str, workflows: Iterable[Workflow], project: str = names.PROJECT
    ) -> None:
        self._pipe = RedisPipe(url)
        self._readers = {w.slug: _Reader(self._pipe, w, Views(project, w)) for w in workflows}

    async def read(self, workflow: Workflow, subject: SubjectId, as_of: Micros) -> _Found:
        """The state of a subject, None if it is unheard of, and by group id those of the groups
        that it belonged to as of an instant."""
        return await self._readers[workflow.slug].read(subject, as_of)

    async def close(self) -> None:
        """Give the connection back."""
        await self._pipe.close()


class _Reader:
    """The states of one workflow."""

    def __init__(self, pipe: RedisPipe, workflow: Workflow, views: Views) -> None:
        self._pipe = pipe
        self._workflow = workflow
        self._views = views
        self._subjects: Recent[SubjectState] = Recent(KEPT)
        self._groups: Recent[GroupState] = Recent(KEPT)
        self._likely: dict[SubjectId, tuple[str, ...]] = {}

    async def read(self, subject: SubjectId, as_of: Micros) -> _Found:
        views, likely = self._views, self._likely.get(subject, ())
        key = views.subjects.key(subject)
        value, *values = await self._values([key], likely)
        found = state_bytes(value)
        if found is None:
            return None, {}
        state = self._subjects.get(key, found, _decode)
        check_name(subject, state.subject)
        membership = membership_of(self._workflow, state, state.history.until(as_of))
        wanted = tuple(membership.values())
        if wanted == likely:
            return state, self._decoded(wanted, values)
        self._remember(subject, wanted)
        return state, self._decoded(wanted, await self._values([], wanted))

    async def _values(
        self, subjects: Sequence[bytes], groups: Sequence[str]
    ) -> Sequence[bytes | None]:
        views = self._views
        keys = [*subjects, *map(views.groups.key, groups)]
        if not keys:
            return []
        fields = [views.subject_state] * len(subjects) + [views.group_state] * len(groups)
        found: Sequence[bytes | None] = await self._pipe.call(
            "EVAL", READ, len(keys), *keys, *fields
        )
        return found

    def _decoded(
        self, groups: Sequence[str], values: Sequence[bytes | None]
    ) -> Mapping[str, GroupState]:
        found = {}
        for group, value in zip(groups, values, strict=True):
            data = state_bytes(value)
            if data is not None:
                state = self._groups.get(group.encode(), data, decode_group)
                check_name(group, state.group)
                found[group] = state
        return found

    def _remember(self, subject: SubjectId, groups: tuple[str, ...]) -> None:
        self._likely[subject] = groups
        if len(self._likely) > KEPT:
            del self._likely[next(iter(self._likely))]


def _decode(data: bytes) -> SubjectState:
    """A state that is only read; what follows from its entries alone is computed once."""
    return decode_subject(data).keep_lasting()
