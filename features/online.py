"""The states as Feast's online store serves them: Feast's own layout in Redis, without its SDK.

Any user of Feast reads the same values through the SDK: each feature as of the subject's newest
event, and the state from which it can be computed as of any instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from features import names, wire
from features.errors import OnlineStoreAhead, UnreadableValue, available
from features.guarded import Batch, place
from features.layout import ViewLayout
from firm.errors import WrongSubject
from firm.events import Position
from firm.ids import SubjectId
from firm.states import (
    GroupState,
    States,
    SubjectState,
    decode_group,
    decode_subject,
    encode_state,
    known_as_of,
)
from firm.workflow import Workflow

BATCH = 500
"""So many entities go into one write when all are rewritten: Redis serves nobody meanwhile."""
TIMEOUT_SECONDS = 2.0
"""Redis answers within milliseconds; who has waited this long had better be told."""


def connect(url: str) -> Redis:
    """A client that tries once more on a connection that had gone stale, and then gives up."""
    return Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )


class FeastStates:
    """The online store of all workflows (implements `firm.ports.OnlineStates`).

    It may be shared between threads. All calls raise OnlineStoreUnavailable if Redis is away.
    """

    def __init__(self, redis: str | Redis, project: str = names.PROJECT) -> None:
        self._redis = connect(redis) if isinstance(redis, str) else redis
        self._project = project
        self._views: dict[str, _Views] = {}

    def write(
        self, workflow: Workflow, subjects: Sequence[SubjectState], groups: Sequence[GroupState]
    ) -> None:
        """Make these the states that are served, all at once; repeating it is harmless.

        A state never replaces one from further on in the log; all others are written.

        Raises:
            OnlineStoreAhead: there was such a state.
        """
        changed = {state.group: state for state in groups}
        others = _groups_of(workflow, subjects) - changed.keys()
        known = changed | self._read_groups(workflow, others)
        self._write(workflow, subjects, groups, known, _newest(subjects))

    def rewrite_all(self, workflow: Workflow, states: States) -> None:
        """Write all that the database knows: Redis may have missed the last batch before a crash.

        Raises:
            OnlineStoreAhead: it holds a state from further on in the log.
        """
        newest = _newest(states.subjects.values())
        for groups in _chunks(list(states.groups.values())):
            self._write(workflow, (), groups, {}, newest)
        for subjects in _chunks(list(states.subjects.values())):
            self._write(workflow, subjects, (), states.groups, newest)

    def read(
        self, workflow: Workflow, subject: SubjectId
    ) -> tuple[SubjectState | None, Mapping[str, GroupState]]:
        """The state of a subject and those of its groups by group id; None if it is unheard of.

        Raises:
            WrongSubject: what is kept under this subject's or group's key is another's.
            UnreadableValue: it is nothing that we have written.
        """
        views = self._views_of(workflow)
        with available():
            value = self._redis.execute_command(
                "HGET", views.subjects.key(subject), views.subject_state
            )
        if (blob := _bytes(value)) is None:
            return None, {}
        state = decode_subject(blob)
        _check(subject, state.subject)
        return state, self._read_groups(
            workflow, workflow.membership(state.history.entries).values()
        )

    def _read_groups(self, workflow: Workflow, groups: Iterable[str]) -> dict[str, GroupState]:
        views, wanted = self._views_of(workflow), list(groups)
        if not wanted:
            return {}
        pipe = self._redis.pipeline(transaction=False)
        for group in wanted:
            pipe.execute_command("HGET", views.groups.key(group), views.group_state)
        with available():
            values = pipe.execute()
        found = {}
        for group, value in zip(wanted, values, strict=True):
            if (blob := _bytes(value)) is not None:
                found[group] = decode_group(blob)
                _check(group, found[group].group)
        return found

    def _write(
        self,
        workflow: Workflow,
        subjects: Sequence[SubjectState],
        groups: Sequence[GroupState],
        known: Mapping[str, GroupState],
        newest: Position | None,
    ) -> None:
        views = self._views_of(workflow)
        batches = [
            _subjects_batch(workflow, views, subjects, known),
            _groups_batch(views, groups, newest),
        ]
        pipe = self._redis.pipeline(transaction=True)
        for batch in batches:
            pipe.eval(*batch.command())
        with available():
            answers = pipe.execute()
        refused = [b.names[i - 1] for b, places in zip(batches, answers, strict=True) for i in places]
        if refused:
            raise _ahead(workflow, refused, newest)

    def _views_of(self, workflow: Workflow) -> _Views:
        views = self._views.get(workflow.slug)
        if views is None:
            views = self._views[workflow.slug] = _Views(self._project, workflow)
        return views


class _Views:
    """Where the two views of a workflow are."""

    def __init__(self, project: str, workflow: Workflow) -> None:
        fields = names.subject_fields(workflow)
        key = names.join_key(workflow.subject)
        self.subjects = ViewLayout.of(project, workflow.slug, key, fields)
        self.subject_state = self.subjects.fields[fields.index(names.STATE)]
        view, key = names.groups_view(workflow), names.join_key(names.GROUP)
        self.groups = ViewLayout.of(project, view, key, names.GROUP_FIELDS)
        self.group_state = self.groups.fields[names.GROUP_FIELDS.index(names.STATE)]


def _subjects_batch(
    workflow: Workflow, views: _Views, subjects: Iterable[SubjectState], known: Mapping[str, GroupState]
) -> Batch:
    batch = Batch(views.subjects.fields)
    for state in subjects:
        at = state.event_time
        row = workflow.row(known_as_of(workflow, state.subject, state, known, at))
        values = (
            place(state.position),
            wire.int64(at),
            wire.blob(encode_state(state)),
            *map(wire.double, row),
            wire.timestamp(at),
        )
        batch.add(state.subject, views.subjects.key(state.subject), values)
    return batch


def _groups_batch(
    views: _Views, groups: Iterable[GroupState], newest: Position | None
) -> Batch:
    """Groups have no time of their own: in Feast they are always as of the start of time."""
    batch = Batch(views.groups.fields)
    at = place(newest)
    for state in groups:
        values = (at, wire.blob(encode_state(state)), wire.timestamp(0))
        batch.add(state.group, views.groups.key(state.group), values)
    return batch


def _groups_of(workflow: Workflow, subjects: Iterable[SubjectState]) -> set[str]:
    return {
        group
        for state in subjects
        for group in workflow.membership(state.history.entries).values()
    }


def _newest(subjects: Iterable[SubjectState]) -> Position | None:
    """How far in the log the subjects reach; their groups change with them, and reach as far."""
    return max((s.position for s in subjects if s.position is not None), default=None)


def _chunks[T](items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
