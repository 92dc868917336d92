"""What is kept of subjects and groups between batches, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import msgspec

from firm.errors import UnknownSubject, WrongSubject
from firm.events import Position
from firm.groups import Group
from firm.history import Entry, History
from firm.ids import EventId, SubjectId
from firm.time import DAY, Micros
from firm.vocabulary import Known
from firm.workflow import Workflow

_MEMBERSHIP = "membership"


class SubjectState(msgspec.Struct, dict=True):
    """The history of one subject; it names its subject, so that a mix-up shows when it is read.

    `position` is the last record of the log that changed it.
    """

    subject: SubjectId
    history: History = msgspec.field(default_factory=History)
    position: Position | None = None

    @property
    def event_time(self) -> Micros:
        """When the newest event in it happened."""
        return self.history.entries[-1].at if self.history.entries else 0

    def keep_lasting(self) -> Self:
        """Keep from now on what is computed from the entries alone: to be said of a state that
        does not change any more, and is asked of again and again."""
        self.__dict__["kept"] = (0, {})
        return self

    def lasting(self, entries: Sequence[Entry]) -> dict[object, Any]:
        """What was computed from these, its first entries, alone (`Known.lasting`): what is kept
        is kept for the entries that were asked for last."""
        kept: tuple[int, dict[object, Any]] | None = self.__dict__.get("kept")
        if kept is None:
            return {}
        if kept[0] != len(entries):
            kept = self.__dict__["kept"] = (len(entries), {})
        return kept[1]


class GroupState(msgspec.Struct):
    """The known outcomes of one group, which it names."""

    group: str
    known: Group = msgspec.field(default_factory=Group)


class States:
    """All that one workflow knows, in memory; written behind in the same transaction as effects.

    Attributes:
        watermark: the time of the newest event folded so far.
        requests: the ids of the requests on the stream that were answered.
    """

    def __init__(
        self,
        subjects: Iterable[SubjectState] = (),
        groups: Iterable[GroupState] = (),
        watermark: Micros = 0,
        requests: Iterable[EventId] = (),
    ) -> None:
        self.subjects = {state.subject: state for state in subjects}
        self.groups = {state.group: state for state in groups}
        self._keys: dict[str, list[str]] = {}
        self.watermark = watermark
        self.requests = set(requests)

    def subject(self, subject: SubjectId) -> SubjectState:
        """The state of a subject, a new one if it is unheard of."""
        return self.subjects.setdefault(subject, SubjectState(subject))

    def group(self, group: str, grain: Micros = DAY, keeps_values: bool = False) -> GroupState:
        """The state of a group; if it is unheard of, a new one with buckets of this width that
        keeps each observation, or only their counts and sums."""
        if group not in self.groups:
            self.groups[group] = GroupState(group, Group(grain, kept=[] if keeps_values else None))
            self._enrol(group)
        return self.groups[group]

    def keys(self, name: str) -> Sequence[str]:
        """The keys of all groups of this name that were ever observed, in any order."""
        if name not in self._keys:
            parts = (group.partition(":") for group in self.groups)
            self._keys[name] = [key for family, keyed, key in parts if keyed and family == name]
        return self._keys[name]

    def _enrol(self, group: str) -> None:
        name, keyed, key = group.partition(":")
        if keyed and name in self._keys:
            self._keys[name].append(key)

    def known(self, workflow: Workflow, subject: SubjectId, as_of: Micros) -> Known:
        """What is known of a subject as of an instant.

        Raises:
            UnknownSubject: nothing had happened to it by then.
        """
        state = self.subjects.get(subject)
        return known_as_of(workflow, subject, state, self.groups, as_of)


def known_as_of(
    workflow: Workflow,
    subject: SubjectId,
    state: SubjectState | None,
    groups: Mapping[str, GroupState],
    as_of: Micros,
) -> Known:
    """What is known of a subject as of an instant, from its state and those of its groups.

    Raises:
        UnknownSubject: nothing had happened to it by then.
        WrongSubject: the state that was read is that of another subject.
    """
    if state is not None and state.subject != subject:
        raise WrongSubject(
            f"asked for {subject!r}, but the values read are those of "
            f"{state.subject!r}; the store mixes subjects up: do not use them"
        )
    entries = state.history.until(as_of) if state else ()
    if state is None or not entries:
        raise UnknownSubject(
            f"nothing is known of {subject!r} in workflow {workflow.slug!r} as of then; check the "
            "id, or wait until its first event has arrived"
        )
    membership = membership_of(workflow, state, entries)
    found = {name: groups[group].known for name, group in membership.items() if group in groups}
    return Known(as_of, entries, found, state.lasting(entries))


def membership_of(
    workflow: Workflow, state: SubjectState, entries: Sequence[Entry]
) -> Mapping[str, str]:
    """The group id of the subject in each declared group, as its first entries have it."""
    lasting = state.lasting(entries)
    found: Mapping[str, str] | None = lasting.get(_MEMBERSHIP)
    if found is None:
        found = lasting[_MEMBERSHIP] = workflow.membership(entries)
    return found


def encode_state(state: SubjectState | GroupState) -> bytes:
    """The bytes of a state, as the database and the online store keep them."""
    return msgspec.msgpack.encode(state)


def decode_subject(blob: bytes) -> SubjectState:
    """The subject's state back from its bytes."""
    return msgspec.msgpack.decode(blob, type=SubjectState)


def decode_group(blob: bytes) -> GroupState:
    """The group's state back from its bytes."""
    return msgspec.msgpack.decode(blob, type=GroupState)
