"""What the two views of a workflow hold, and where: its subjects' view and its groups' view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from features import names, wire
from features.layout import ViewLayout
from features.scripts import Batch, place
from firm.events import Position
from firm.states import GroupState, SubjectState, encode_state, known_as_of
from firm.workflow import Workflow

_NO_TIME = wire.timestamp(0)
"""Feast wants a time for each row; a group's outcomes have many, each kept in its state."""


class Views:
    """The layout of a workflow's two views, and their rows as Feast writes them."""

    def __init__(self, project: str, workflow: Workflow) -> None:
        self._workflow = workflow
        fields = names.subject_fields(workflow)
        key = names.join_key(workflow.subject)
        self.subjects = ViewLayout.of(project, workflow.slug, key, fields)
        self.subject_state = self.subjects.fields[fields.index(names.STATE)]
        view, key = names.groups_view(workflow), names.join_key(names.GROUP)
        self.groups = ViewLayout.of(project, view, key, names.GROUP_FIELDS)
        self.group_state = self.groups.fields[names.GROUP_FIELDS.index(names.STATE)]
        self.pool = names.pool_key(project, workflow)

    def subjects_batch(
        self, subjects: Iterable[SubjectState], known: Mapping[str, GroupState]
    ) -> Batch:
        """The subjects' rows, their features as of their newest event; `known` by group id."""
        batch = Batch(self.subjects.fields)
        for state in subjects:
            key = self.subjects.key(state.subject)
            batch.add(state.subject, key, self._subject_values(state, known))
        return batch

    def groups_batch(self, groups: Iterable[GroupState], newest: Position | None) -> Batch:
        """The groups' rows, as far along in the log as `newest`."""
        batch = Batch(self.groups.fields)
        position = place(newest)
        for state in groups:
            values = (position, wire.blob(encode_state(state)), _NO_TIME)
            batch.add(state.group, self.groups.key(state.group), values)
        return batch

    def pool_keys(self, groups: Iterable[GroupState]) -> list[str]:
        """The keys of those of these groups that are the workflow's candidates."""
        declared = self._workflow.candidates
        before = None if declared is None else f"{declared.pool}:"
        return [
            g.group.removeprefix(before) for g in groups if before and g.group.startswith(before)
        ]

    def _subject_values(
        self, state: SubjectState, known: Mapping[str, GroupState]
    ) -> tuple[bytes, ...]:
        at = state.event_time
        row = self._workflow.row(known_as_of(self._workflow, state.subject, state, known, at))
        return (
            place(state.position),
            wire.int64(at),
            wire.blob(encode_state(state)),
            *map(wire.double, row),
            wire.timestamp(at),
        )
