"""The states as requests read them: one round trip for a subject with its groups, and each state
decoded once for as long as its bytes are the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from features import names
from features.online import check_name, state_bytes
from features.pipe import RedisPipe
from features.recent import Recent
from features.scripts import READ
from features.views import Views
from firm.errors import HeadwayError
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
_Asked = tuple[SubjectId, Micros]
_State = SubjectState | HeadwayError | None


class LiveStates:
    """Reads the online store within one event loop (implements `firm.ports.LiveStates`).

    What a workflow's keys and fields are is resolved here once. Which groups a subject belongs to
    is only known from its state: those it had the last time are asked for with it, and only what
    is still missing then costs a second round trip.

    Reading raises OnlineStoreUnavailable if Redis is away. In place of a subject's state stands
    WrongSubject if what is kept under a key is another's, and UnreadableValue if it is nothing
    that we have written.
    """

    def __init__(
        self, url: str, workflows: Iterable[Workflow], project: str = names.PROJECT
    ) -> None:
        self._pipe = RedisPipe(url)
        self._readers = {w.slug: _Reader(self._pipe, w, Views(project, w)) for w in workflows}

    async def read_all(
        self, workflow: Workflow, asked: Sequence[_Asked]
    ) -> list[_Found | HeadwayError]:
        """For each subject and instant, in order: its state, None if it is unheard of, and by
        group id those of the groups that it belonged to as of then; or what is wrong with them."""
        return await self._readers[workflow.slug].read_all(asked)

    async def close(self) -> None:
        """Give the connection back."""
        await self._pipe.close()


class _Reader:
    """The states of one workflow."""

    def __init__(self, pipe: RedisPipe, workflow: Workflow, views: Views) -> None:
        self._pipe = pipe
        self._workflow = workflow
        self._views = views
        self._key_of = lru_cache(KEPT)(views.subjects.key)
        self._group_key_of = lru_cache(KEPT)(views.groups.key)
        self._subjects: Recent[SubjectState | None] = Recent(KEPT)
        self._groups: Recent[GroupState | None] = Recent(KEPT)
        self._likely: dict[str, tuple[str, ...]] = {}

    async def read_all(self, asked: Sequence[_Asked]) -> list[_Found | HeadwayError]:
        subjects = [subject for subject, _ in asked]
        likely = {group for subject in subjects for group in self._likely.get(subject, ())}
        values, groups = await self._values(subjects, likely)
        states = [self._state(*one) for one in zip(asked, values, strict=True)]
        unread = {
            group for _, wanted in states for group in wanted if not likely.issuperset(wanted)
        }
        anew = (await self._values([], unread))[1] if unread else {}
        return [
            _with_groups(state, wanted, groups if likely.issuperset(wanted) else anew)
            for state, wanted in states
        ]

    def _state(self, asked: _Asked, value: bytes | None) -> tuple[_State, tuple[str, ...]]:
        """The state of a subject, and the ids of its groups as of then."""
        subject, as_of = asked
        try:
            state = self._subjects.get(subject, value, _decode_subject)
            if state is None:
                return None, ()
            check_name(subject, state.subject)
        except HeadwayError as error:
            return error, ()
        membership = membership_of(self._workflow, state, state.history.until(as_of))
        wanted = tuple(membership.values())
        if self._likely.get(subject) != wanted:
            self._remember(subject, wanted)
        return state, wanted

    async def _values(
        self, subjects: Sequence[str], groups: Collection[str]
    ) -> tuple[Sequence[bytes | None], Mapping[str, GroupState | HeadwayError | None]]:
        """What is kept of the subjects, in order, and the groups' states, as of one instant."""
        views = self._views
        keys = [*map(self._key_of, subjects), *map(self._group_key_of, groups)]
        fields = [views.subject_state] * len(subjects) + [views.group_state] * len(groups)
        found = await self._pipe.call("EVAL", READ, len(keys), *keys, *fields)
        theirs = zip(groups, found[len(subjects) :], strict=True)
        return found[: len(subjects)], {name: self._group(name, value) for name, value in theirs}

    def _group(self, group: str, value: bytes | None) -> GroupState | HeadwayError | None:
        try:
            state = self._groups.get(group, value, _decode_group)
            if state is not None:
                check_name(group, state.group)
        except HeadwayError as error:
            return error
        return state

    def _remember(self, subject: str, groups: tuple[str, ...]) -> None:
        self._likely[subject] = groups
        if len(self._likely) > KEPT:
            del self._likely[next(iter(self._likely))]


def _with_groups(
    state: _State,
    wanted: Iterable[str],
    groups: Mapping[str, GroupState | HeadwayError | None],
) -> _Found | HeadwayError:
    if isinstance(state, HeadwayError):
        return state
    found = {}
    for name in wanted:
        group = groups[name]
        if isinstance(group, HeadwayError):
            return group
        if group is not None:
            found[name] = group
    return state, found


def _decode_subject(value: bytes) -> SubjectState | None:
    """A state that is only read; what follows from its entries alone is computed once."""
    data = state_bytes(value)
    return None if data is None else decode_subject(data).keep_lasting()


def _decode_group(value: bytes) -> GroupState | None:
    data = state_bytes(value)
    return None if data is None else decode_group(data)
