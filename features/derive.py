"""From the declarations to Feast's objects: what a workflow says is all that Feast is told."""

from __future__ import annotations

from collections.abc import Iterable

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Bytes, FeastType, Float64, Int64, String

from features import names
from firm.workflow import Feature, Workflow

FeastObjects = list[Entity | FeatureView | FeatureService]
_KEPT: dict[str, tuple[FeastType, str]] = {
    names.POSITION: (String, "the last record of the log that changed it (partition/offset)"),
    names.EVENT_TIME: (Int64, "when the newest event in it happened, microseconds since 1970"),
    names.STATE: (Bytes, "from which the features can be computed as of any instant (msgpack)"),
}


def derive(workflows: Iterable[Workflow]) -> FeastObjects:
    """Everything that Feast has to know of these workflows.

    Raises:
        DeclarationError: Feast could not tell two of their names apart.
    """
    known = list(workflows)
    names.check_names(known)
    groups = _entity(names.GROUP)
    entities = {names.GROUP: groups} | {w.subject: _entity(w.subject) for w in known}
    found: FeastObjects = list(entities.values())
    for workflow in known:
        subjects = _subjects_view(workflow, entities[workflow.subject])
        found += [subjects, _groups_view(workflow, groups), _service(workflow, subjects)]
    return found


def _entity(kind: str) -> Entity:
    return Entity(name=kind, join_keys=[names.join_key(kind)], value_type=ValueType.STRING)


def _subjects_view(workflow: Workflow, entity: Entity) -> FeatureView:
    kept = [_kept(name) for name in (names.POSITION, names.EVENT_TIME, names.STATE)]
    return _view(
        workflow,
        name=workflow.slug,
        entity=entity,
        fields=[*kept, *map(_feature, workflow.features)],
        description=workflow.question,
    )


def _groups_view(workflow: Workflow, entity: Entity) -> FeatureView:
    return _view(
        workflow,
        name=names.groups_view(workflow),
        entity=entity,
        fields=[_kept(name) for name in names.GROUP_FIELDS],
        description=f"The known outcomes of groups of a {workflow.subject}, for {workflow.slug}",
    )


def _view(
    workflow: Workflow, *, name: str, entity: Entity, fields: list[Field], description: str
) -> FeatureView:
    key = Field(name=entity.join_key, dtype=String, description=f"the id of the {entity.name}")
    return FeatureView(
        name=name,
        entities=[entity],
        schema=[key, *fields],
        source=_source(name),
        description=description,
        owner=workflow.owner,
        tags=_tags(workflow),
    )


def _source(view: str) -> PushSource:
    """The stream pushes; the past lies in Parquet, in the offline folder of whoever reads it."""
    past = FileSource(
        name=f"{view}_past",
        path=view,
        file_format=ParquetFormat(),
        timestamp_field="event_timestamp",
    )
    return PushSource(name=f"{view}_push", batch_source=past)


def _service(workflow: Workflow, view: FeatureView) -> FeatureService:
    """What a model of this workflow sees, by the workflow's own name."""
    return FeatureService(
        name=workflow.slug,
        features=[view[list(workflow.feature_names)]],
        description=workflow.question,
        owner=workflow.owner,
        tags=_tags(workflow),
    )


def _kept(name: str) -> Field:
    dtype, why = _KEPT[name]
    return Field(name=name, dtype=dtype, description=why)


def _feature(feature: Feature) -> Field:
    tags = {"unit": feature.unit, "why": feature.why, "source": feature.source}
    return Field(
        name=feature.name,
        dtype=Float64,
        description=f"{feature.of.words} ({feature.unit})",
        tags=tags,
    )


def _tags(workflow: Workflow) -> dict[str, str]:
    return {"owner": workflow.owner, "risk_class": workflow.risk_class, "workflow": workflow.slug}
