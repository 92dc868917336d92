"""The states as Feast's online store serves them: Feast's own layout in Redis, without its SDK.

Any user of Feast reads the same values through the SDK: each feature as of the subject's newest
event, and the state from which it can be computed as of any instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from features import names, wire
from features.errors import OnlineStoreAhead, UnreadableValue, available
from features.scripts import READ
from features.views import Views
from firm.errors import WrongSubject
from firm.events import Position
from firm.ids import SubjectId
from firm.states import GroupState, States, SubjectState, decode_group, decode_subject
from firm.time import Micros
from firm.workflow import Workflow

BATCH = 500
"""So many entities go into one write when all are rewritten: Redis serves nobody meanwhile."""
TIMEOUT_SECONDS = 2.0
"""Redis answers within milliseconds; who has waited this long had better be told."""
_Item = TypeVar("_Item")


def connect(url: str) -> Redis:
    """A client that gives up at once; only a connection that had gone stale is made anew first."""
    return Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class FeastStates:
    """The online store of all workflows (implements `firm.ports.OnlineStates`).

    It may be shared between threads. All calls raise OnlineStoreUnavailable if Redis is away.
    """

    def __init__(self, redis: str | Redis, project: str = names.PROJECT) -> None:
        # redis-py's own types know neither bytes nor which of its two clients answers.
        self._redis: Any = connect(redis) if isinstance(redis, str) else redis
        self._project = project
        self._views: dict[str, Views] = {}

    def write(
        self,
        workflow: Workflow,
        subjects: Sequence[SubjectState],
        groups: Sequence[GroupState],
        known: Mapping[str, GroupState] | None = None,
    ) -> None:
        """Make these the states that are served, all at once; repeating it is harmless.

        A state never replaces one from further on in the log; all others are written. The subjects'
        features need their groups: those in `known`, or else those given and what is served.

        Raises:
            OnlineStoreAhead: there was such a state.
        """
        if known is None:
            changed = {state.group: state for state in groups}
            others = _groups_of(workflow, subjects) - changed.keys()
            known = changed | self.groups(workflow, others)
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
        self, workflow: Workflow, subject: SubjectId, as_of: Micros | None = None
    ) -> tuple[SubjectState | None, Mapping[str, GroupState]]:
        """The state of a subject and those of its groups by group id; None if it is unheard of.

        The groups are those it belonged to as of an instant; without one, as of its newest event.

        Raises:
            WrongSubject: what is kept under the key of this subject or its group is another's.
            UnreadableValue: it is nothing that we have written.
        """
        views = self._views_of(workflow)
        key = views.subjects.key(subject)
        with available():
            value = self._redis.hget(key, views.subject_state)
        found = state_bytes(value)
        if found is None:
            return None, {}
        state = decode_subject(found)
        check_name(subject, state.subject)
        history = state.history
        entries = history.entries if as_of is None else history.until(as_of)
        membership = workflow.membership(entries)
        return state, self.groups(workflow, membership.values())

    def pool(self, workflow: Workflow) -> list[str]:
        """The keys of the workflow's pool of candidates that were ever observed, in any order."""
        with available():
            found = self._redis.smembers(self._views_of(workflow).pool)
        return [key.decode() for key in found]

    def groups(self, workflow: Workflow, ids: Iterable[str]) -> dict[str, GroupState]:
        """The states of the groups with these ids that are heard of, in one round trip.

        Raises:
            WrongSubject, UnreadableValue: as `read`.
        """
        views, groups = self._views_of(workflow), list(ids)
        pipe = self._redis.pipeline(transaction=False)
        for chunk in _chunks(groups):
            keys, fields = map(views.groups.key, chunk), [views.group_state] * len(chunk)
            pipe.eval(READ, len(chunk), *keys, *fields)
        with available():
            values = [value for found in pipe.execute() for value in found]
        found = zip(groups, map(state_bytes, values), strict=True)
        states = {group: decode_group(state) for group, state in found if state is not None}
        for group, state in states.items():
            check_name(group, state.group)
        return states

    def _write(
        self,
        workflow: Workflow,
        subjects: Sequence[SubjectState],
        groups: Sequence[GroupState],
        known: Mapping[str, GroupState],
        newest: Position | None,
    ) -> None:
        views = self._views_of(workflow)
        batches = (views.subjects_batch(subjects, known), views.groups_batch(groups, newest))
        pipe = self._redis.pipeline(transaction=True)
        for batch in batches:
            pipe.eval(*batch.command())
        if keys := views.pool_keys(groups):
            pipe.sadd(views.pool, *keys)
        with available():
            answers = zip(batches, pipe.execute()[: len(batches)], strict=True)
        refused = [batch.names[number - 1] for batch, numbers in answers for number in numbers]
        if refused:
            raise _ahead(workflow, refused, newest)

    def _views_of(self, workflow: Workflow) -> Views:
        views = self._views.get(workflow.slug)
        if views is None:
            views = self._views[workflow.slug] = Views(self._project, workflow)
        return views


def state_bytes(value: bytes | None) -> bytes | None:
    """The bytes of a state out of Feast's value; None where there is none."""
    state = wire.decode(value)
    if state is None or isinstance(state, bytes):
        return state
    raise UnreadableValue(f"a state must be bytes; the online store has {state!r:.40}")


def check_name(asked: str, found: str) -> None:
    """Raise WrongSubject if what was read is not the state that was asked for."""
    if asked != found:
        raise WrongSubject(
            f"asked the online store for {asked!r}, but what it keeps there is the state of "
            f"{found!r}: do not use it; starting the stream's worker writes all states anew"
        )


def _groups_of(workflow: Workflow, subjects: Iterable[SubjectState]) -> set[str]:
    memberships = (workflow.membership(state.history.entries) for state in subjects)
    return {group for membership in memberships for group in membership.values()}


def _newest(subjects: Iterable[SubjectState]) -> Position | None:
    """How far in the log the subjects reach; their groups change with them, and reach as far."""
    return max((s.position for s in subjects if s.position is not None), default=None)


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def _ahead(workflow: Workflow, refused: Sequence[str], newest: Position | None) -> OnlineStoreAhead:
    return OnlineStoreAhead(
        f"the online store has {len(refused)} states of {workflow.slug!r} from further on in the "
        f"log than those to be written (up to {newest}), first {refused[0]!r}. Either another "
        "worker has taken over, and this one must end; or the log was begun anew: then empty the "
        "online store (redis-cli FLUSHDB) and start the worker, which writes all states again"
    )
