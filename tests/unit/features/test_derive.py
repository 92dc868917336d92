"""What Feast is told is what the workflow declares."""

from typing import Any

import pytest
from feast import Entity, FeatureService, FeatureView
from feast.types import Bytes, Float64, Int64, String

from features import names
from features.derive import derive
from firm.errors import DeclarationError
from firm.workflow import Workflow
from workflows.delivery_risk import WORKFLOW


def declared(**changed: Any) -> Workflow:
    """Delivery risk with some fields changed."""
    fields = {name: getattr(WORKFLOW, name) for name in Workflow.model_fields}
    return Workflow(**{**fields, **changed})


def views(*workflows: Workflow) -> dict[str, FeatureView]:
    return {v.name: v for v in derive(workflows) if isinstance(v, FeatureView)}


def test_a_workflow_has_a_view_of_its_subjects_and_one_of_its_groups() -> None:
    found = views(WORKFLOW)
    assert list(found) == ["delivery_risk", "delivery_risk_groups"]
    assert found["delivery_risk"].join_keys == ["project_id"]
    assert found["delivery_risk_groups"].join_keys == ["group_id"]


def test_the_view_has_each_feature_and_what_the_state_is_made_of() -> None:
    types = {field.name: field.dtype for field in views(WORKFLOW)["delivery_risk"].features}
    assert types == {
        "position": String,
        "event_time": Int64,
        "state": Bytes,
        **dict.fromkeys(WORKFLOW.feature_names, Float64),
    }


def test_each_field_says_its_unit_why_and_source() -> None:
    fields = {field.name: field for field in views(WORKFLOW)["delivery_risk"].features}
    for feature in WORKFLOW.features:
        field = fields[feature.name]
        assert field.tags == {"unit": feature.unit, "why": feature.why, "source": feature.source}
        assert feature.of.words in field.description


def test_owner_and_question_are_told() -> None:
    for found in derive([WORKFLOW]):
        if not isinstance(found, Entity):
            assert found.owner == WORKFLOW.owner
            assert found.tags["owner"] == WORKFLOW.owner
            assert found.description


def test_the_service_is_what_the_model_sees_in_its_order() -> None:
    (service,) = (s for s in derive([WORKFLOW]) if isinstance(s, FeatureService))
    (projection,) = service.feature_view_projections
    assert service.name == "delivery_risk"
    assert tuple(field.name for field in projection.features) == WORKFLOW.feature_names


def test_two_workflows_on_one_subject_share_its_entity() -> None:
    found = derive([WORKFLOW, declared(slug="other")])
    assert [e.name for e in found if isinstance(e, Entity)] == ["group", "project"]


def test_deriving_twice_gives_equal_objects() -> None:
    assert derive([WORKFLOW]) == derive([WORKFLOW])


def test_names_that_the_store_needs_and_views_that_collide_are_all_named() -> None:
    feature = WORKFLOW.features[0].model_copy(update={"name": "state"})
    key = WORKFLOW.features[0].model_copy(update={"name": "project_id"})
    wrong = declared(features=(feature, key))
    with pytest.raises(DeclarationError) as error:
        derive([wrong, declared(slug="delivery_risk_groups")])
    assert len(error.value.problems) == 3
    for words in ("feature 'state'", "feature 'project_id'", "view 'delivery_risk_groups'"):
        assert words in str(error.value)


def test_fields_with_the_same_hash_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feast would let one overwrite the other."""
    monkeypatch.setattr(names, "field_hash", lambda view, name: name[:1].encode())
    with pytest.raises(DeclarationError, match=r"'delivery_risk:since_move'.*same hash"):
        derive([WORKFLOW])
